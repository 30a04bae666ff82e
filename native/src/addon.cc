// The binding. Only this and script_options know JavaScript. Everything here runs on the host's JavaScript thread but
// what says otherwise.

#include <napi.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "script_options.h"
#include "vm/error.h"
#include "vm/kvm.h"
#include "vm/vm.h"

namespace {

using ktstr::Port;
using ktstr::Vm;

[[noreturn]] void throw_to_script(Napi::Env env, const ktstr::Error &error) {
    Napi::Error thrown = Napi::Error::New(env, error.what());
    thrown.Set("code", Napi::String::New(env, ktstr::error_code_name(error.code())));
    throw thrown;
}

/** Guest RAM as an object of script, before there is a machine: it is loaded meanwhile. */
class Memory final : public Napi::ObjectWrap<Memory> {
  public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(env, "Memory", {InstanceMethod<&Memory::release>("release")});
    }

    explicit Memory(const Napi::CallbackInfo &info) : ObjectWrap(info) {
        try {
            loader_ = ktstr::memory_of(info[0].As<Napi::Object>());
        } catch (const ktstr::Error &error) {
            throw_to_script(info.Env(), error);
        }
    }

    /** The one that is the `memory` of a machine's options. */
    static std::shared_ptr<ktstr::MemoryLoader> of(const Napi::Object &options) {
        Memory *memory = Unwrap(options.Get("memory").As<Napi::Object>());
        if (!memory->loader_)
            throw_to_script(options.Env(), ktstr::Error(ktstr::ErrorCode::invalid, "the memory is released"));
        return memory->loader_;
    }

  private:
    /** A machine that was made with it keeps it. */
    void release(const Napi::CallbackInfo &) { loader_.reset(); }

    std::shared_ptr<ktstr::MemoryLoader> loader_;
};

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
        auto from = info[0].As<Napi::Object>();
        ktstr::VmOptions options = ktstr::options_of(from, Memory::of(from));
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

    /** Resolves when the files of its memory are there. */
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

    void resize(const Napi::CallbackInfo &info) { vm().resize(half_word(info[0]), half_word(info[1])); }

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

    static uint16_t half_word(const Napi::Value &value) {
        return static_cast<uint16_t>(value.ToNumber().Uint32Value());
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
        return ktstr::cpuid_rows(env, ktstr::Kvm(device).supported_cpuid());
    } catch (const ktstr::Error &error) {
        throw_to_script(env, error);
    }
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
    exports.Set("Memory", Memory::define(env));
    exports.Set("Machine", Machine::define(env));
    exports.Set("supportedCpuid", Napi::Function::New(env, supported_cpuid, "supportedCpuid"));
    return exports;
}

} // namespace

NODE_API_MODULE(ktstr, initialise)
