#include "vm/kvm_stats.h"

#include <linux/kvm.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "vm/kvm.h"

namespace ktstr {

namespace {
/** Limits beyond any real kernel: larger counts and longer names are rejected. */
constexpr uint32_t most_descriptors = 4096;
constexpr uint32_t longest_name = 1024;

/** kvm_stats_desc without the name that follows it. In C++ some versions of the kernel's header give the structure a
 * wrong size (see kvm.cc). */
struct Descriptor {
    uint32_t flags;
    int16_t exponent;
    uint16_t size;
    uint32_t offset;
    uint32_t bucket_size;
};

bool read_at(int fd, void *data, size_t size, uint64_t offset) {
    return pread(fd, data, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}
} // namespace

KvmStats::KvmStats(int vcpu) : fd_(kvm_ioctl(vcpu, KVM_GET_STATS_FD)) {}

std::vector<KvmStats::Counter> KvmStats::counters() const {
    std::vector<Counter> counters;
    kvm_stats_header header;
    if (!fd_ || !read_at(fd_.get(), &header, sizeof(header), 0) || header.num_desc > most_descriptors ||
        header.name_size > longest_name)
        return counters;
    size_t stride = sizeof(Descriptor) + header.name_size;
    std::vector<char> descriptors(stride * header.num_desc);
    if (!read_at(fd_.get(), descriptors.data(), descriptors.size(), header.desc_offset))
        return counters;
    for (uint32_t i = 0; i < header.num_desc; i++) {
        const char *at = descriptors.data() + i * stride;
        Descriptor descriptor;
        std::memcpy(&descriptor, at, sizeof(descriptor));
        // Only single cumulative counters: histograms and instantaneous values can't be summed over vCPUs.
        if ((descriptor.flags & KVM_STATS_TYPE_MASK) == KVM_STATS_TYPE_CUMULATIVE && descriptor.size == 1)
            counters.push_back(
                {std::string(at + sizeof(descriptor), strnlen(at + sizeof(descriptor), header.name_size)),
                 header.data_offset + descriptor.offset});
    }
    std::sort(counters.begin(), counters.end(), [](const Counter &a, const Counter &b) { return a.offset < b.offset; });
    return counters;
}

void KvmStats::add_to(std::map<std::string, uint64_t> &sums, const std::vector<Counter> &counters) const {
    if (!fd_ || counters.empty())
        return;
    uint64_t first = counters.front().offset;
    // The range includes the histograms in between, which are a few kilobytes.
    std::vector<char> values(counters.back().offset - first + sizeof(uint64_t));
    if (!read_at(fd_.get(), values.data(), values.size(), first))
        return;
    for (const Counter &counter : counters) {
        uint64_t value;
        std::memcpy(&value, values.data() + (counter.offset - first), sizeof(value));
        if (value > 0)
            sums[counter.name] += value;
    }
}

} // namespace ktstr
