// What script gives to make a machine of, as the machine takes it. On the host's JavaScript thread.

#include "script_options.h"

#include <optional>
#include <string>
#include <utility>

namespace ktstr {

namespace {

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

/** Of a CPUID entry: see cpuid_rows. */
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

VirtioSlot slot_of(const Napi::Object &from) { return {u64_of(from, "address"), field<uint32_t>(from, "gsi")}; }

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

std::vector<FilePart> files_of(const Napi::Value &value) {
    std::vector<FilePart> files;
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

} // namespace

std::shared_ptr<MemoryLoader> memory_of(const Napi::Object &from) {
    std::vector<Segment> segments;
    auto list = from.Get("segments").As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) {
        auto segment = list.Get(i).As<Napi::Object>();
        int host_node =
            segment.Get("hostNode").IsNumber() ? segment.Get("hostNode").As<Napi::Number>().Int32Value() : -1;
        segments.push_back({u64_of(segment, "address"), u64_of(segment, "size"), host_node});
    }
    MemoryOptions options;
    options.huge_pages = from.Get("hugePages").ToBoolean();
    return std::make_shared<MemoryLoader>(std::make_shared<GuestMemory>(std::move(segments), options),
                                          files_of(from.Get("files")));
}

VmOptions options_of(const Napi::Object &from, std::shared_ptr<MemoryLoader> memory) {
    VmOptions options;
    if (from.Get("device").IsString())
        options.device = from.Get("device").As<Napi::String>();
    options.memory = std::move(memory);
    options.contents = contents_of(from.Get("contents"));
    options.cpuid = cpuid_of(from.Get("cpuid"));
    auto vcpus = from.Get("vcpus").As<Napi::Array>();
    for (uint32_t i = 0; i < vcpus.Length(); i++) {
        auto vcpu = vcpus.Get(i).As<Napi::Object>();
        VcpuOptions parsed;
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
