// The binding: the only file that knows JavaScript. Everything here runs on the host's JavaScript thread but what says
// otherwise.

#include <napi.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vm/error.h"
#include "vm/kvm.h"
#include "vm/vm.h"

namespace {

using ktstr::BootRegisters;
using ktstr::Port;
using ktstr::Vm;
using ktstr::VmOptions;

[[noreturn]] void throw_to_script(Napi::Env env, const ktstr::Error &error) {
    Napi::Error thrown = Napi::Error::New(env, error.what());
    thrown.Set("code", Napi::String::New(env, ktstr::error_code_name(error.code())));
    throw thrown;
}

uint64_t to_u64(const Napi::Value &value) {
    if (value.IsBigInt()) {
        bool lossless;
        return value.As<Napi::BigInt>().Uint64Value(&lossless);
    }
    // Through the signed type: what a double can hold exactly fits it.
    return static_cast<uint64_t>(value.ToNumber().Int64Value());
}

uint64_t u64_of(const Napi::Object &object, const char *name, uint64_t absent = 0) {
    Napi::Value value = object.Get(name);
    return value.IsUndefined() ? absent : to_u64(value);
}

template <typename T> T field(const Napi::Object &object, const char *name, T absent = 0) {
    return static_cast<T>(u64_of(object, name, absent));
}

std::optional<uint64_t> optional_u64(const Napi::Object &object, const char *name) {
    Napi::Value value = object.Get(name);
    return value.IsUndefined() ? std::nullopt : std::optional(to_u64(value));
}

std::optional<kvm_segment> segment_of(const Napi::Object &object, const char *name) {
    Napi::Value value = object.Get(name);
    if (!value.IsObject())
        return std::nullopt;
    auto from = value.As<Napi::Object>();
    kvm_segment segment{};
    segment.base = u64_of(from, "base");
    segment.limit = field<uint32_t>(from, "limit");
    segment.selector = field<uint16_t>(from, "selector");
    segment.type = field<uint8_t>(from, "type");
    segment.present = field<uint8_t>(from, "present", 1);
    segment.dpl = field<uint8_t>(from, "dpl");
    segment.db = field<uint8_t>(from, "db");
    segment.s = field<uint8_t>(from, "s");
    segment.l = field<uint8_t>(from, "l");
    segment.g = field<uint8_t>(from, "g");
    segment.avl = field<uint8_t>(from, "avl");
    return segment;
}

std::optional<kvm_dtable> table_of(const Napi::Object &object, const char *name) {
    Napi::Value value = object.Get(name);
    if (!value.IsObject())
        return std::nullopt;
    kvm_dtable table{};
    table.base = u64_of(value.As<Napi::Object>(), "base");
    table.limit = field<uint16_t>(value.As<Napi::Object>(), "limit");
    return table;
}

BootRegisters registers_of(const Napi::Object &from) {
    BootRegisters registers;
    kvm_regs &general = registers.general;
    // Intel SDM volume 1, 3.4.3: bit 1 of the flags is always set.
    general.rflags = u64_of(from, "rflags", 2);
    for (auto [name, at] : {std::pair{"rip", &general.rip},
                            {"rsp", &general.rsp},
                            {"rbp", &general.rbp},
                            {"rax", &general.rax},
                            {"rbx", &general.rbx},
                            {"rcx", &general.rcx},
                            {"rdx", &general.rdx},
                            {"rsi", &general.rsi},
                            {"rdi", &general.rdi}})
        *at = u64_of(from, name);
    registers.cr0 = optional_u64(from, "cr0");
    registers.cr3 = optional_u64(from, "cr3");
    registers.cr4 = optional_u64(from, "cr4");
    registers.efer = optional_u64(from, "efer");
    registers.cs = segment_of(from, "cs");
    registers.data = segment_of(from, "data");
    registers.tr = segment_of(from, "tr");
    registers.gdt = table_of(from, "gdt");
    registers.idt = table_of(from, "idt");
    return registers;
}

/** CPUID entries travel as rows of seven words: function, index, flags, eax, ebx, ecx, edx. */
constexpr size_t cpuid_words = 7;

std::vector<kvm_cpuid_entry2> cpuid_of(const Napi::Value &value) {
    std::vector<kvm_cpuid_entry2> entries;
    if (!value.IsTypedArray())
        return entries;
    auto words = value.As<Napi::Uint32Array>();
    for (size_t i = 0; i + cpuid_words <= words.ElementLength(); i += cpuid_words) {
        kvm_cpuid_entry2 entry{};
        entry.function = words[i];
        entry.index = words[i + 1];
        entry.flags = words[i + 2];
        entry.eax = words[i + 3];
        entry.ebx = words[i + 4];
        entry.ecx = words[i + 5];
        entry.edx = words[i + 6];
        entries.push_back(entry);
    }
    return entries;
}

ktstr::VirtioSlot slot_of(const Napi::Object &from) { return {u64_of(from, "address"), field<uint32_t>(from, "gsi")}; }

/** The bytes stay script's own: for as long as the call lasts. */
std::vector<VmOptions::Content> contents_of(const Napi::Value &value) {
    std::vector<VmOptions::Content> contents;
    if (!value.IsArray())
        return contents;
    auto list = value.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) {
        auto content = list.Get(i).As<Napi::Object>();
        auto bytes = content.Get("bytes").As<Napi::Uint8Array>();
        contents.push_back({u64_of(content, "address"), bytes.Data(), bytes.ByteLength()});
    }
    return contents;
}

std::vector<ktstr::FilePart> files_of(const Napi::Value &value) {
    std::vector<ktstr::FilePart> files;
    if (!value.IsArray())
        return files;
    auto list = value.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) {
        auto file = list.Get(i).As<Napi::Object>();
        files.push_back(
            {u64_of(file, "address"), field<int>(file, "fd"), u64_of(file, "offset"), u64_of(file, "size")});
    }
    return files;
}

VmOptions options_of(const Napi::Object &from) {
    VmOptions options;
    if (from.Get("device").IsString())
        options.device = from.Get("device").As<Napi::String>();
    auto segments = from.Get("segments").As<Napi::Array>();
    for (uint32_t i = 0; i < segments.Length(); i++) {
        auto segment = segments.Get(i).As<Napi::Object>();
        int host_node =
            segment.Get("hostNode").IsNumber() ? segment.Get("hostNode").As<Napi::Number>().Int32Value() : -1;
        options.segments.push_back({u64_of(segment, "address"), u64_of(segment, "size"), host_node});
    }
    options.contents = contents_of(from.Get("contents"));
    options.files = files_of(from.Get("files"));
    options.memory.huge_pages = from.Get("hugePages").ToBoolean();
    options.cpuid = cpuid_of(from.Get("cpuid"));
    auto vcpus = from.Get("vcpus").As<Napi::Array>();
    for (uint32_t i = 0; i < vcpus.Length(); i++) {
        auto vcpu = vcpus.Get(i).As<Napi::Object>();
        ktstr::VcpuOptions parsed;
        parsed.apic_id = field<uint32_t>(vcpu, "apicId");
        parsed.cpuid = cpuid_of(vcpu.Get("cpuid"));
        if (vcpu.Get("registers").IsObject())
            parsed.registers = registers_of(vcpu.Get("registers").As<Napi::Object>());
        options.vcpus.push_back(std::move(parsed));
    }
    if (from.Get("irqchip").IsString())
        options.split_irqchip = from.Get("irqchip").As<Napi::String>().Utf8Value() == "split";
    if (from.Get("power").IsObject()) {
        auto power = from.Get("power").As<Napi::Object>();
        options.power = {field<uint16_t>(power, "port"), field<uint16_t>(power, "size"),
                         field<uint16_t>(power, "control"), field<uint16_t>(power, "mask"),
                         field<uint16_t>(power, "value")};
    }
    options.disable_exits = u64_of(from, "disableExits");
    if (from.Get("console").IsObject())
        options.console = slot_of(from.Get("console").As<Napi::Object>());
    if (from.Get("disk").IsObject()) {
        auto disk = from.Get("disk").As<Napi::Object>();
        options.disk = VmOptions::Disk{slot_of(disk), disk.Get("path").ToString()};
    }
    return options;
}

/** Takes a machine down beside the JavaScript thread: closing many vCPUs takes the kernel a while. */
class Destroyer final : public Napi::AsyncWorker {
  public:
    Destroyer(Napi::Env env, std::unique_ptr<Vm> vm, Napi::ThreadSafeFunction doorbell)
        : AsyncWorker(env), vm_(std::move(vm)), doorbell_(std::move(doorbell)), done_(env) {}

    Napi::Promise promise() const { return done_.Promise(); }

    /** On a worker thread. */
    void Execute() override {
        std::shared_ptr<ktstr::GuestMemory> memory = vm_->memory();
        vm_.reset();
        // A runtime may keep the detached buffer's memory until it collects garbage.
        memory->discard();
    }

    void OnOK() override {
        doorbell_.Release();
        done_.Resolve(Env().Undefined());
    }

  private:
    std::unique_ptr<Vm> vm_;
    Napi::ThreadSafeFunction doorbell_;
    Napi::Promise::Deferred done_;
};

/** Waits for the loader beside the JavaScript thread. */
class LoadWaiter final : public Napi::AsyncWorker {
  public:
    LoadWaiter(Napi::Env env, std::shared_ptr<ktstr::MemoryLoader> loader)
        : AsyncWorker(env), loader_(std::move(loader)), done_(env) {}

    Napi::Promise promise() const { return done_.Promise(); }

    /** On a worker thread. */
    void Execute() override {
        try {
            loader_->wait();
        } catch (const ktstr::Error &error) {
            code_ = error.code();
            SetError(error.what());
        }
    }

    void OnOK() override { done_.Resolve(Env().Undefined()); }

    void OnError(const Napi::Error &error) override {
        error.Set("code", Napi::String::New(Env(), ktstr::error_code_name(code_)));
        done_.Reject(error.Value());
    }

  private:
    std::shared_ptr<ktstr::MemoryLoader> loader_;
    ktstr::ErrorCode code_ = ktstr::ErrorCode::io;
    Napi::Promise::Deferred done_;
};

/** A machine as an object of script. Its `onDoorbell` is called when `take` would give something new. */
class Machine final : public Napi::ObjectWrap<Machine> {
  public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(
            env, "Machine",
            {InstanceAccessor<&Machine::memory>("memory"), InstanceMethod<&Machine::loaded>("loaded"),
             InstanceMethod<&Machine::start>("start"), InstanceMethod<&Machine::stop>("stop"),
             InstanceMethod<&Machine::pause>("pause"), InstanceMethod<&Machine::resume>("resume"),
             InstanceMethod<&Machine::send>("send"), InstanceMethod<&Machine::take>("take"),
             InstanceMethod<&Machine::resize>("resize"), InstanceMethod<&Machine::statistics>("statistics"),
             InstanceMethod<&Machine::thread_ids>("threadIds"), InstanceMethod<&Machine::destroy>("destroy")});
    }

    explicit Machine(const Napi::CallbackInfo &info) : ObjectWrap(info) {
        Napi::Env env = info.Env();
        VmOptions options = options_of(info[0].As<Napi::Object>());
        doorbell_ = Napi::ThreadSafeFunction::New(env, info[1].As<Napi::Function>(), "ktstr doorbell", 0, 1);
        try {
            vm_ = std::make_unique<Vm>(options, [doorbell = doorbell_] { doorbell.NonBlockingCall(); });
        } catch (const ktstr::Error &error) {
            doorbell_.Release();
            throw_to_script(env, error);
        }
        // Hooks run last first: the threads are gone before the doorbell is.
        napi_add_env_cleanup_hook(env, at_exit, this);
    }

    /** The last way out, when nobody called destroy. */
    ~Machine() override {
        if (vm_)
            napi_remove_env_cleanup_hook(Env(), at_exit, this);
    }

  private:
    static void at_exit(void *self) { static_cast<Machine *>(self)->vm_.reset(); }

    Vm &vm() {
        if (!vm_)
            throw_to_script(Env(), ktstr::Error(ktstr::ErrorCode::io, "the machine is destroyed"));
        return *vm_;
    }

    /** Made when it is first asked for: a gigabyte outside its heap makes a runtime collect garbage. */
    Napi::Value memory(const Napi::CallbackInfo &info) {
        vm();
        if (buffer_.IsEmpty()) {
            auto *kept = new std::shared_ptr<ktstr::GuestMemory>(vm_->memory());
            buffer_ = Napi::Persistent(Napi::ArrayBuffer::New(
                info.Env(), (*kept)->data(), (*kept)->size(),
                [](Napi::Env, void *, std::shared_ptr<ktstr::GuestMemory> *memory) { delete memory; }, kept));
        }
        return buffer_.Value();
    }

    /** Resolves when the files of the options are in memory. */
    Napi::Value loaded(const Napi::CallbackInfo &info) {
        auto *waiter = new LoadWaiter(info.Env(), vm().loader());
        Napi::Promise promise = waiter->promise();
        waiter->Queue();
        return promise;
    }

    void start(const Napi::CallbackInfo &info) {
        try {
            vm().start();
        } catch (const ktstr::Error &error) {
            throw_to_script(info.Env(), error);
        }
    }

    void stop(const Napi::CallbackInfo &) { vm().stop(); }
    void pause(const Napi::CallbackInfo &) { vm().pause(); }
    void resume(const Napi::CallbackInfo &) { vm().resume(); }

    /** (port, bytes): bytes that the guest has not read yet. */
    Napi::Value send(const Napi::CallbackInfo &info) {
        auto bytes = info[1].As<Napi::Uint8Array>();
        try {
            size_t waiting = vm().send(port_of(info[0]), bytes.Data(), bytes.ByteLength());
            return Napi::Number::New(info.Env(), static_cast<double>(waiting));
        } catch (const ktstr::Error &error) {
            throw_to_script(info.Env(), error);
        }
    }

    /** (accept): what happened since the last call, and the bytes of the ports whose bit is set in `accept`. */
    Napi::Value take(const Napi::CallbackInfo &info) {
        Napi::Env env = info.Env();
        uint32_t accept = info[0].ToNumber();
        ktstr::Outbox &outbox = vm().outbox();
        outbox.begin_take();
        Napi::Object taken = Napi::Object::New(env);
        Napi::Array bytes = Napi::Array::New(env, ktstr::port_count);
        uint32_t sent = 0;
        // The exit is looked at first: bytes that came before it are there then.
        std::optional<ktstr::ExitReport> exit = outbox.take_exit();
        for (uint32_t i = 0; i < ktstr::port_count; i++) {
            Port port = static_cast<Port>(i);
            if (accept & 1U << i)
                set_bytes(bytes, i, vm().take(port));
            if (outbox.take_sent(port))
                sent |= 1U << i;
        }
        taken.Set("bytes", bytes);
        taken.Set("sent", sent);
        taken.Set("paused", outbox.take_paused());
        if (exit) {
            Napi::Object report = Napi::Object::New(env);
            report.Set("kind", ktstr::exit_kind_name(exit->kind));
            report.Set("message", exit->message);
            report.Set("registers", exit->registers);
            taken.Set("exit", report);
        }
        return taken;
    }

    void resize(const Napi::CallbackInfo &info) {
        vm().resize(static_cast<uint16_t>(to_u64(info[0])), static_cast<uint16_t>(to_u64(info[1])));
    }

    Napi::Value statistics(const Napi::CallbackInfo &info) {
        Napi::Object counts = Napi::Object::New(info.Env());
        for (const auto &[name, count] : vm().statistics())
            counts.Set(name, static_cast<double>(count));
        return counts;
    }

    Napi::Value thread_ids(const Napi::CallbackInfo &info) {
        std::vector<int> ids = vm().thread_ids();
        Napi::Array list = Napi::Array::New(info.Env(), ids.size());
        for (uint32_t i = 0; i < ids.size(); i++)
            list.Set(i, ids[i]);
        return list;
    }

    /** Stops it, and resolves when its threads, files and memory are gone. The memory's buffer is empty at once. */
    Napi::Value destroy(const Napi::CallbackInfo &info) {
        Napi::Env env = info.Env();
        if (!vm_) {
            auto done = Napi::Promise::Deferred::New(env);
            done.Resolve(env.Undefined());
            return done.Promise();
        }
        vm_->stop();
        // Nothing of script can reach the memory from here on; the mapping itself goes with its last owner.
        if (!buffer_.IsEmpty()) {
            buffer_.Value().Detach();
            buffer_.Reset();
        }
        napi_remove_env_cleanup_hook(env, at_exit, this);
        auto *destroyer = new Destroyer(env, std::move(vm_), doorbell_);
        Napi::Promise promise = destroyer->promise();
        destroyer->Queue();
        return promise;
    }

    static Port port_of(const Napi::Value &value) { return static_cast<Port>(value.ToNumber().Uint32Value()); }

    static void set_bytes(Napi::Array list, uint32_t index, const std::vector<uint8_t> &bytes) {
        if (bytes.empty())
            return;
        auto copy = Napi::Uint8Array::New(list.Env(), bytes.size());
        std::memcpy(copy.Data(), bytes.data(), bytes.size());
        list.Set(index, copy);
    }

    Napi::ThreadSafeFunction doorbell_;
    Napi::Reference<Napi::ArrayBuffer> buffer_;
    std::unique_ptr<Vm> vm_;
};

/** (device?): what the KVM of this machine can show a guest, as rows of words. */
Napi::Value supported_cpuid(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    try {
        std::string device = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "/dev/kvm";
        std::vector<kvm_cpuid_entry2> entries = ktstr::Kvm(device).supported_cpuid();
        auto words = Napi::Uint32Array::New(env, entries.size() * cpuid_words);
        size_t at = 0;
        for (const kvm_cpuid_entry2 &entry : entries) {
            for (uint32_t word : {entry.function, entry.index, entry.flags, entry.eax, entry.ebx, entry.ecx, entry.edx})
                words[at++] = word;
        }
        return words;
    } catch (const ktstr::Error &error) {
        throw_to_script(env, error);
    }
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
    exports.Set("Machine", Machine::define(env));
    exports.Set("supportedCpuid", Napi::Function::New(env, supported_cpuid, "supportedCpuid"));
    return exports;
}

} // namespace

NODE_API_MODULE(ktstr, initialise)
