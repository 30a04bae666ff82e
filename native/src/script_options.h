#ifndef KTSTR_SCRIPT_OPTIONS_H
#define KTSTR_SCRIPT_OPTIONS_H

#include <napi.h>

#include <linux/kvm.h>

#include <memory>
#include <vector>

#include "script_value.h"
#include "vm/vm.h"

namespace ktstr {

/** Guest RAM (lib/NativeBinding.ts: NativeMemoryOptions), which is loaded from now on. Throws Error. */
std::shared_ptr<MemoryLoader> memory_of(const ScriptValue &from);

/**
 * What script says of a machine (lib/NativeBinding.ts: NativeMachineOptions), as a copy. Throws Error.
 */
VmOptions options_of(const ScriptValue &from, std::shared_ptr<MemoryLoader> memory);

/** CPUID entries as rows of seven words: function, index, flags, eax, ebx, ecx, edx. */
Napi::Uint32Array cpuid_rows(Napi::Env env, const std::vector<kvm_cpuid_entry2> &entries);

} // namespace ktstr

#endif
