// The binding. Only this file, script_options and script_value know JavaScript. Everything here runs on the host's
// JavaScript thread unless stated otherwise.

#include <napi.h>

#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "script_options.h"
#include "script_value.h"
#include "vm/error.h"
#include "vm/kvm.h"
#include "vm/vm.h"

namespace {

using ktstr::Port;
using ktstr::ScriptValue;
using ktstr::Vm;

[[noreturn]] void throw_to_script(Napi::Env env, const ktstr::Error &error) {
    Napi::Error thrown = Napi::Error::New(env, error.what());
    thrown.Set("code", Napi::String::New(env, ktstr::error_code_name(error.code())));
    throw thrown;
}

/** Calls `act`. Errors become exceptions of script and never end the process. */
template <typename Act> auto guarded(Napi::Env env, Act act) {
    try {
        return act();
    } catch (const Napi::Error &) {
        throw;
    } catch (const ktstr::Error &error) {
        throw_to_script(env, error);
    } catch (const std::bad_alloc &) {
        throw_to_script(env, ktstr::Error(ktstr::ErrorCode::out_of_memory, "this process is out of memory"));
    } catch (const std::exception &error) {
        throw_to_script(env, ktstr::Error(ktstr::ErrorCode::io, error.what()));
    }
}

/** Identifies this copy of the addon: objects of another copy may have a different layout. */
const char loaded_here = 0;
napi_type_tag tag_of(uint64_t kind) { return {kind, reinterpret_cast<uintptr_t>(&loaded_here)}; }

/** Guest RAM as an object of script. It is loaded before the machine exists. */
class Memory final : public Napi::ObjectWrap<Memory> {
  public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(env, "Memory", {InstanceMethod<&Memory::release>("release")});
    }

    explicit Memory(const Napi::CallbackInfo &info) : ObjectWrap(info) {
        guarded(info.Env(), [&] { loader_ = ktstr::memory_of({info[0], "options"}); });
        info.This().As<Napi::Object>().TypeTag(&tag);
    }

    /** Returns the loader behind the `memory` of a machine's options. Throws ktstr::Error. */
    static std::shared_ptr<ktstr::MemoryLoader> of(const ScriptValue &value) {
        if (!value.value().IsObject() || !value.value().As<Napi::Object>().CheckTypeTag(&tag))
            value.refuse("a Memory of this addon");
        const Memory *memory = Unwrap(value.value().As<Napi::Object>());
        if (!memory->loader_)
            throw ktstr::Error(ktstr::ErrorCode::invalid, "the memory is released");
        return memory->loader_;
    }

  private:
    /** Releases the memory; a machine created with it keeps it. */
    void release(const Napi::CallbackInfo &) { loader_.reset(); }

    static inline const napi_type_tag tag = tag_of(1);
    std::shared_ptr<ktstr::MemoryLoader> loader_;
};

/**
 * Work off the JavaScript thread. If the environment ends meanwhile (a terminated worker thread), nobody waits for the
 * outcome and reporting it fails; rethrowing that failure would end the process.
 */
class Work : public Napi::AsyncWorker {
  protected:
    using AsyncWorker::AsyncWorker;

    void OnWorkComplete(Napi::Env env, napi_status status) override {
        try {
            AsyncWorker::OnWorkComplete(env, status);
        } catch (const Napi::Error &) {
        }
    }
};

/** Destroys a machine off the JavaScript thread, because the kernel needs time to close many vCPUs. */
class Destroyer final : public Work {
  public:
    Destroyer(Napi::Env env, std::unique_ptr<Vm> vm, Napi::ThreadSafeFunction doorbell)
        : Work(env), vm_(std::move(vm)), doorbell_(std::move(doorbell)), done_(env) {}

    Napi::Promise promise() const { return done_.Promise(); }

    /** On a worker thread. */
    void Execute() override {
        std::shared_ptr<ktstr::GuestMemory> memory = vm_->memory();
        vm_.reset();
        // A runtime may keep the memory of the detached buffer until its next garbage collection.
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

/** Waits for the loader off the JavaScript thread. */
class LoadWaiter final : public Work {
  public:
    LoadWaiter(Napi::Env env, std::shared_ptr<ktstr::MemoryLoader> loader)
        : Work(env), loader_(std::move(loader)), done_(env) {}

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

/** A machine as an object of script. Its `onDoorbell` is called when `take` would return something new. */
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
        guarded(env, [&] {
            ScriptValue from(info[0], "options");
            ktstr::VmOptions options = ktstr::options_of(from, Memory::of(from["memory"]));
            if (!info[1].IsFunction())
                ScriptValue(info[1], "onDoorbell").refuse("a function");
            doorbell_ = Napi::ThreadSafeFunction::New(env, info[1].As<Napi::Function>(), "ktstr doorbell", 0, 1);
            try {
                vm_ = std::make_unique<Vm>(options, [doorbell = doorbell_] { doorbell.NonBlockingCall(ring); });
            } catch (...) {
                doorbell_.Release();
                throw;
            }
        });
        info.This().As<Napi::Object>().TypeTag(&tag);
        // Hooks run in reverse order, so the threads are gone before the doorbell.
        napi_add_env_cleanup_hook(env, at_exit, this);
    }

    /** Cleans up if destroy was never called. */
    ~Machine() override {
        if (vm_)
            napi_remove_env_cleanup_hook(Env(), at_exit, this);
    }

  private:
    /** Calls the doorbell without Napi::Function, which ends the process if script can't run any more (a terminated
     * worker thread). Exceptions of the doorbell are left to the runtime. */
    static void ring(Napi::Env env, Napi::Function doorbell) {
        napi_value undefined;
        if (napi_get_undefined(env, &undefined) == napi_ok)
            napi_call_function(env, undefined, doorbell, 0, nullptr, nullptr);
    }

    static inline const napi_type_tag tag = tag_of(2);

    static void at_exit(void *self) { static_cast<Machine *>(self)->vm_.reset(); }

    Vm &vm() {
        if (!vm_)
            throw_to_script(Env(), ktstr::Error(ktstr::ErrorCode::io, "the machine is destroyed"));
        return *vm_;
    }

    /**
     * Returns the memory's buffer, created on first use: a gigabyte outside the heap makes a runtime collect garbage.
     */
    Napi::Value memory(const Napi::CallbackInfo &info) {
        // Runtimes check the receiver of methods but not of accessors, so `this` may be an object of another class.
        if (!info.This().As<Napi::Object>().CheckTypeTag(&tag))
            throw Napi::TypeError::New(info.Env(), "memory is a property of machines only");
        vm();
        if (buffer_.IsEmpty()) {
            auto *kept = new std::shared_ptr<ktstr::GuestMemory>(vm_->memory());
            buffer_ = Napi::Persistent(Napi::ArrayBuffer::New(
                info.Env(), (*kept)->data(), (*kept)->size(),
                [](Napi::Env, void *, std::shared_ptr<ktstr::GuestMemory> *memory) { delete memory; }, kept));
        }
        return buffer_.Value();
    }

    /** Resolves when the files are loaded into memory. */
    Napi::Value loaded(const Napi::CallbackInfo &info) {
        auto *waiter = new LoadWaiter(info.Env(), vm().loader());
        Napi::Promise promise = waiter->promise();
        waiter->Queue();
        return promise;
    }

    void start(const Napi::CallbackInfo &info) {
        guarded(info.Env(), [&] { vm().start(); });
    }

    void stop(const Napi::CallbackInfo &) { vm().stop(); }
    void pause(const Napi::CallbackInfo &) { vm().pause(); }
    void resume(const Napi::CallbackInfo &) { vm().resume(); }

    /** (port, bytes): sends bytes. Returns how many bytes the guest has not read yet. */
    Napi::Value send(const Napi::CallbackInfo &info) {
        return guarded(info.Env(), [&] {
            auto port = static_cast<Port>(ScriptValue(info[0], "port").whole(ktstr::port_count - 1));
            std::vector<uint8_t> bytes = ScriptValue(info[1], "bytes").bytes();
            return Napi::Number::New(info.Env(), static_cast<double>(vm().send(port, bytes.data(), bytes.size())));
        });
    }

    /** (accept): returns what happened since the last call, and the bytes of the ports whose bit is set in `accept`. */
    Napi::Value take(const Napi::CallbackInfo &info) {
        return guarded(info.Env(), [&] { return taken(info.Env(), ScriptValue(info[0], "accept")); });
    }

    Napi::Object taken(Napi::Env env, const ScriptValue &accepted) {
        uint64_t accept = accepted.whole((1U << ktstr::port_count) - 1);
        ktstr::Outbox &outbox = vm().outbox();
        outbox.begin_take();
        Napi::Object result = Napi::Object::New(env);
        Napi::Array bytes = Napi::Array::New(env, ktstr::port_count);
        uint32_t sent = 0;
        // The exit is taken first, so that all bytes sent before it are taken below.
        std::optional<ktstr::ExitReport> exit = outbox.take_exit();
        for (uint32_t i = 0; i < ktstr::port_count; i++) {
            Port port = static_cast<Port>(i);
            if (accept & 1ULL << i)
                set_bytes(bytes, i, vm().take(port));
            if (outbox.take_sent(port))
                sent |= 1U << i;
        }
        result.Set("bytes", bytes);
        result.Set("sent", sent);
        result.Set("paused", outbox.take_paused());
        if (exit) {
            Napi::Object report = Napi::Object::New(env);
            report.Set("kind", ktstr::exit_kind_name(exit->kind));
            report.Set("message", exit->message);
            report.Set("registers", exit->registers);
            result.Set("exit", report);
        }
        return result;
    }

    /** (columns, rows) */
    void resize(const Napi::CallbackInfo &info) {
        guarded(info.Env(), [&] {
            auto columns = ScriptValue(info[0], "columns").whole<uint16_t>();
            vm().resize(columns, ScriptValue(info[1], "rows").whole<uint16_t>());
        });
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

    /**
     * Stops the machine. Resolves when its threads, files and memory are gone; the memory's buffer is emptied at once.
     */
    Napi::Value destroy(const Napi::CallbackInfo &info) {
        Napi::Env env = info.Env();
        if (!vm_) {
            auto done = Napi::Promise::Deferred::New(env);
            done.Resolve(env.Undefined());
            return done.Promise();
        }
        vm_->stop();
        // From here on script can't reach the memory; the mapping itself is removed with its last owner.
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

/** (device?): returns the CPUID that this host's KVM supports, as rows of words. */
Napi::Value supported_cpuid(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    return guarded(env, [&]() -> Napi::Value {
        ScriptValue device(info[0], "device");
        return ktstr::cpuid_rows(env, ktstr::Kvm(device.absent() ? "/dev/kvm" : device.text()).supported_cpuid());
    });
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
    exports.Set("Memory", Memory::define(env));
    exports.Set("Machine", Machine::define(env));
    exports.Set("supportedCpuid", Napi::Function::New(env, supported_cpuid, "supportedCpuid"));
    return exports;
}

} // namespace

NODE_API_MODULE(ktstr, initialise)
