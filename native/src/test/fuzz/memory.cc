// The layout of guest memory and the parts of files read into it, with arbitrary numbers, against a second
// implementation of the rules: what is rejected, where an address is, and what is loaded there.
#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "test/fuzz/input.h"
#include "vm/memory_loader.h"

using namespace ktstr;

namespace {

constexpr uint64_t page = 4096;
/** The size at which the loader splits parts. */
constexpr uint64_t chunk = 4UL << 20;
/** Data, a hole, data, and an incomplete last page. */
constexpr uint64_t hole_begin = 3 * page, hole_end = 40 * page, file_bytes = 42 * page + 100;

uint8_t in_file(uint64_t offset) {
    return offset >= hole_begin && offset < hole_end ? 0 : static_cast<uint8_t>(offset % 251 + 1);
}

int make_file() {
    int fd = memfd_create("ktstr-fuzz", MFD_CLOEXEC);
    std::vector<uint8_t> bytes(file_bytes);
    for (uint64_t i = 0; i < file_bytes; i++)
        bytes[i] = in_file(i);
    must(pwrite(fd, bytes.data(), hole_begin, 0) == static_cast<ssize_t>(hole_begin));
    must(pwrite(fd, bytes.data() + hole_end, file_bytes - hole_end, hole_end) ==
         static_cast<ssize_t>(file_bytes - hole_end));
    return fd;
}

/** Returns numbers near page boundaries, and occasionally any number. */
uint64_t number(Input &input) {
    uint8_t kind = input.byte();
    if (kind < 4)
        return static_cast<uint64_t>(input.word()) << 32 | input.word();
    // One below, equal or one above, or any distance.
    uint64_t beside = (kind & 0xc0) == 0x80   ? input.byte() % 3 - 1
                      : (kind & 0xc0) == 0xc0 ? (input.word() & 0xffff) - 0x8000
                                              : 0;
    return static_cast<uint64_t>(kind & 0x1f) * page + beside + (kind & 0x20 ? chunk - 16 * page : 0);
}

/** A page of the guest and its place in the mapping. */
struct Page {
    uint64_t address;
    uint64_t offset;
};

/** Returns the pages by ascending address, or none if the layout is not allowed. */
std::vector<Page> pages_of(const std::vector<Segment> &segments) {
    std::vector<Page> pages;
    for (const Segment &segment : segments) {
        uint64_t end;
        if (segment.size == 0 || segment.address % page != 0 || segment.size % page != 0 ||
            __builtin_add_overflow(segment.address, segment.size, &end) ||
            (!pages.empty() && segment.address <= pages.back().address))
            return {};
        for (uint64_t at = segment.address; at != end; at += page)
            pages.push_back({at, pages.size() * page});
    }
    return pages;
}

void check_lookup(const GuestMemory &memory, const std::vector<Page> &pages, uint64_t address, uint64_t length) {
    auto first = std::lower_bound(pages.begin(), pages.end(), address / page * page,
                                  [](const Page &at, uint64_t wanted) { return at.address < wanted; });
    uint64_t last = 0;
    bool inside = first != pages.end() && first->address == address / page * page &&
                  !__builtin_add_overflow(address, length > 0 ? length - 1 : 0, &last);
    auto at = first;
    while (inside && at->address != last / page * page) {
        uint64_t next = at->address + page;
        inside = ++at != pages.end() && at->address == next;
    }
    must(memory.at(address, length) == (inside ? memory.data() + first->offset + (address - first->address) : nullptr));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int file = make_file();
    Input input(data, size);
    std::vector<Segment> segments(1 + input.byte() % 4);
    uint64_t sum = 0, end = 0;
    for (Segment &segment : segments) {
        // Often adjacent to the previous segment.
        segment.address = input.byte() & 1 ? end : number(input);
        segment.size = number(input);
        end = segment.address + segment.size;
        // The limits of this host are not tested here.
        if (__builtin_add_overflow(sum, segment.size, &sum) || sum > 3 * chunk)
            return 0;
    }
    std::vector<Page> pages = pages_of(segments);
    std::shared_ptr<GuestMemory> memory;
    try {
        memory = std::make_shared<GuestMemory>(segments, MemoryOptions{});
    } catch (const Error &) {
    }
    must((memory != nullptr) == !pages.empty());
    if (!memory)
        return 0;
    check_lookup(*memory, pages, segments.back().address, segments.back().size);
    check_lookup(*memory, pages, segments.back().address, segments.back().size + 1);
    for (int i = 0; i < 8; i++) {
        uint64_t address = number(input);
        check_lookup(*memory, pages, address, number(input));
    }
    FilePart part{number(input), file, number(input) & INT64_MAX, 0};
    part.size = number(input) % (static_cast<uint64_t>(INT64_MAX) - part.offset + 1);
    // Threads are the most expensive part, so none are used for parts that would be rejected.
    uint8_t *to = memory->at(part.address, part.size);
    bool fits = part.size == 0 || to != nullptr;
    bool there = part.size == 0 || (part.offset < file_bytes && part.size <= file_bytes - part.offset);
    bool loaded = true;
    try {
        MemoryLoader(memory, {part}).wait();
    } catch (const Error &) {
        loaded = false;
    }
    must(loaded == (fits && there));
    if (!loaded || part.size == 0)
        return 0;
    for (uint64_t i = 0; i < part.size; i++)
        must(to[i] == in_file(part.offset + i));
    must(to == memory->data() || to[-1] == 0);
    must(to + part.size == memory->data() + memory->size() || to[part.size] == 0);
    return 0;
}
