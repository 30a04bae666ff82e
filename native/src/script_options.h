#ifndef KTSTR_SCRIPT_OPTIONS_H
#define KTSTR_SCRIPT_OPTIONS_H

#include <napi.h>

#include <linux/kvm.h>

#include <memory>
#include <vector>

#include "script_value.h"
#include "vm/vm.h"

namespace ktstr {

/** Creates guest RAM (lib/NativeBinding.ts: NativeMemoryOptions) and starts to load it. Throws Error. */
std::shared_ptr<MemoryLoader> memory_of(const ScriptValue &from);

/**
 * Copies script's options of a machine (lib/NativeBinding.ts: NativeMachineOptions). Throws Error.
 */
VmOptions options_of(const ScriptValue &from, std::shared_ptr<MemoryLoader> memory);

/** Returns CPUID entries as rows of seven words: function, index, flags, eax, ebx, ecx, edx. */
Napi::Uint32Array cpuid_rows(Napi::Env env, const std::vector<kvm_cpuid_entry2> &entries);

} // namespace ktstr

#endif
