// Converts script's options of a machine. Runs on the host's JavaScript thread.

#include "script_options.h"

#include <climits>
#include <optional>
#include <string>
#include <utility>

#include "vm/error.h"

namespace ktstr {

namespace {

/** More vCPUs than this are a mistake on any KVM, and reading an array of 2^32 - 1 holes would take forever. */
constexpr uint32_t most_vcpus = 1 << 17;
constexpr uint32_t most_parts = 1 << 16;
/** Host NUMA nodes (CONFIG_NODES_SHIFT is at most 10). */
constexpr uint64_t most_nodes = 1023;
/** KVM_X86_DISABLE_EXITS_*. */
constexpr uint64_t most_exits = UINT32_MAX;
constexpr uint32_t port_space = 1 << 16;

std::optional<uint64_t> optional_u64(const ScriptValue &value) {
    return value.absent() ? std::nullopt : std::optional(value.whole<uint64_t>());
}

std::optional<kvm_segment> segment_of(const ScriptValue &from) {
    if (from.absent())
        return std::nullopt;
    kvm_segment segment{};
    segment.base = from["base"].whole_or<uint64_t>(0);
    segment.limit = from["limit"].whole_or<uint32_t>(0);
    segment.selector = from["selector"].whole_or<uint16_t>(0);
    segment.type = from["type"].whole_or<uint8_t>(0);
    segment.present = from["present"].whole_or<uint8_t>(1);
    segment.dpl = from["dpl"].whole_or<uint8_t>(0);
    segment.db = from["db"].whole_or<uint8_t>(0);
    segment.s = from["s"].whole_or<uint8_t>(0);
    segment.l = from["l"].whole_or<uint8_t>(0);
    segment.g = from["g"].whole_or<uint8_t>(0);
    segment.avl = from["avl"].whole_or<uint8_t>(0);
    return segment;
}

std::optional<kvm_dtable> table_of(const ScriptValue &from) {
    if (from.absent())
        return std::nullopt;
    kvm_dtable table{};
    table.base = from["base"].whole_or<uint64_t>(0);
    table.limit = from["limit"].whole_or<uint16_t>(0);
    return table;
}

BootRegisters registers_of(const ScriptValue &from) {
    BootRegisters registers;
    kvm_regs &general = registers.general;
    // Intel SDM volume 1, 3.4.3: bit 1 of the flags is always set.
    general.rflags = from["rflags"].whole_or<uint64_t>(2);
    for (auto [name, at] : {std::pair{"rip", &general.rip},
                            {"rsp", &general.rsp},
                            {"rbp", &general.rbp},
                            {"rax", &general.rax},
                            {"rbx", &general.rbx},
                            {"rcx", &general.rcx},
                            {"rdx", &general.rdx},
                            {"rsi", &general.rsi},
                            {"rdi", &general.rdi}})
        *at = from[name].whole_or<uint64_t>(0);
    registers.cr0 = optional_u64(from["cr0"]);
    registers.cr3 = optional_u64(from["cr3"]);
    registers.cr4 = optional_u64(from["cr4"]);
    registers.efer = optional_u64(from["efer"]);
    registers.cs = segment_of(from["cs"]);
    registers.data = segment_of(from["data"]);
    registers.tr = segment_of(from["tr"]);
    registers.gdt = table_of(from["gdt"]);
    registers.idt = table_of(from["idt"]);
    return registers;
}

/** Words per CPUID entry; see cpuid_rows. */
constexpr size_t cpuid_words = 7;

std::vector<kvm_cpuid_entry2> cpuid_of(const ScriptValue &value) {
    std::vector<kvm_cpuid_entry2> entries;
    if (value.absent())
        return entries;
    std::vector<uint32_t> words = value.words(cpuid_words);
    for (size_t i = 0; i < words.size(); i += cpuid_words) {
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

VirtioSlot slot_of(const ScriptValue &from) {
    // The limit keeps the addresses of the registers from wrapping.
    return {from["address"].whole(UINT64_MAX - VirtioMmio::register_bytes), from["gsi"].whole<uint32_t>()};
}

std::vector<VmOptions::Content> contents_of(const ScriptValue &value) {
    std::vector<VmOptions::Content> contents;
    if (!value.absent())
        value.each(most_parts, [&](const ScriptValue &content) {
            contents.push_back({content["address"].whole<uint64_t>(), content["bytes"].bytes()});
        });
    return contents;
}

std::vector<FilePart> files_of(const ScriptValue &value) {
    std::vector<FilePart> files;
    if (!value.absent())
        value.each(most_parts, [&](const ScriptValue &file) {
            // The kernel's type of offsets is signed.
            uint64_t offset = file["offset"].whole(INT64_MAX);
            uint64_t size = file["size"].whole(static_cast<uint64_t>(INT64_MAX) - offset);
            files.push_back(
                {file["address"].whole<uint64_t>(), static_cast<int>(file["fd"].whole(INT_MAX)), offset, size});
        });
    return files;
}

PowerRegister power_of(const ScriptValue &from) {
    PowerRegister power{from["port"].whole<uint16_t>(), from["size"].whole<uint16_t>(),
                        from["control"].whole<uint16_t>(), from["mask"].whole<uint16_t>(),
                        from["value"].whole<uint16_t>()};
    if (static_cast<uint32_t>(power.port) + power.size > port_space)
        from["size"].refuse("a size with which the last port is 65535");
    return power;
}

bool is_split(const ScriptValue &value) {
    if (value.absent())
        return false;
    std::string name = value.text();
    if (name != "split" && name != "kernel")
        value.refuse("'kernel' or 'split'");
    return name == "split";
}

} // namespace

std::shared_ptr<MemoryLoader> memory_of(const ScriptValue &from) {
    std::vector<Segment> segments;
    from["segments"].each(most_parts, [&](const ScriptValue &segment) {
        ScriptValue node = segment["hostNode"];
        segments.push_back({segment["address"].whole<uint64_t>(), segment["size"].whole<uint64_t>(),
                            node.absent() ? -1 : static_cast<int>(node.whole(most_nodes))});
    });
    MemoryOptions options;
    options.huge_pages = from["hugePages"].flag();
    std::vector<FilePart> files = files_of(from["files"]);
    return std::make_shared<MemoryLoader>(std::make_shared<GuestMemory>(std::move(segments), options), files);
}

VmOptions options_of(const ScriptValue &from, std::shared_ptr<MemoryLoader> memory) {
    VmOptions options;
    if (ScriptValue device = from["device"]; !device.absent())
        options.device = device.text();
    options.memory = std::move(memory);
    options.contents = contents_of(from["contents"]);
    options.cpuid = cpuid_of(from["cpuid"]);
    from["vcpus"].each(most_vcpus, [&](const ScriptValue &vcpu) {
        VcpuOptions parsed;
        parsed.apic_id = vcpu["apicId"].whole<uint32_t>();
        parsed.cpuid = cpuid_of(vcpu["cpuid"]);
        if (ScriptValue registers = vcpu["registers"]; !registers.absent())
            parsed.registers = registers_of(registers);
        options.vcpus.push_back(std::move(parsed));
    });
    options.split_irqchip = is_split(from["irqchip"]);
    if (ScriptValue power = from["power"]; !power.absent())
        options.power = power_of(power);
    if (ScriptValue exits = from["disableExits"]; !exits.absent())
        options.disable_exits = exits.whole(most_exits);
    if (ScriptValue console = from["console"]; !console.absent())
        options.console = slot_of(console);
    if (ScriptValue disk = from["disk"]; !disk.absent())
        options.disk = VmOptions::Disk{slot_of(disk), disk["path"].text()};
    return options;
}

Napi::Uint32Array cpuid_rows(Napi::Env env, const std::vector<kvm_cpuid_entry2> &entries) {
    auto words = Napi::Uint32Array::New(env, entries.size() * cpuid_words);
    size_t at = 0;
    for (const kvm_cpuid_entry2 &entry : entries) {
        for (uint32_t word : {entry.function, entry.index, entry.flags, entry.eax, entry.ebx, entry.ecx, entry.edx})
            words[at++] = word;
    }
    return words;
}

} // namespace ktstr
