#include "vm/vm.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

#include "vm/error.h"
#include "vm/kick_signal.h"

namespace ktstr {

namespace {

/** Documentation/virt/kvm/api.rst, KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR: pages not covered by any slot, needed
 * on older Intel CPUs. */
constexpr unsigned long tss_address = 0xfffbd000;
constexpr uint64_t identity_map_address = 0xfffbc000;

constexpr uint16_t com1_port = 0x3f8;
constexpr uint16_t com2_port = 0x2f8;
constexpr uint32_t com1_gsi = 4;
constexpr uint32_t com2_gsi = 3;

/** A vCPU that has not stopped after this time is kicked again. */
constexpr auto kick_again = std::chrono::milliseconds(100);

} // namespace

Vm::Vm(const VmOptions &options, std::function<void()> notify)
    : kvm_(options.device), loader_(options.memory), memory_(loader_->memory()), outbox_(std::move(notify)) {
    check_vcpus(options);
    write_contents(options.contents);
    install_kick_signal();
    fd_ = kvm_.create_vm();
    if (options.disable_exits != 0) {
        kvm_enable_cap cap{};
        cap.cap = KVM_CAP_X86_DISABLE_EXITS;
        cap.args[0] = options.disable_exits & static_cast<uint64_t>(kvm_.extension(KVM_CAP_X86_DISABLE_EXITS));
        if (kvm_ioctl(fd_.get(), KVM_ENABLE_CAP, &cap) < 0)
            throw_errno("KVM_CAP_X86_DISABLE_EXITS");
    }
    create_chips(options.split_irqchip);
    std::future<void> registered = register_memory_aside();
    create_devices(options);
    // Kernels poll the console's transmitter before each byte; COM2's driver relies on its interrupt alone.
    coalesced_.emplace(kvm_, fd_.get(), com1_port);
    for (const VcpuOptions &vcpu : options.vcpus)
        vcpus_.push_back(std::make_unique<Vcpu>(*this, static_cast<unsigned>(vcpus_.size()), options.cpuid, vcpu));
    registered.get();
}

Vm::~Vm() {
    stop();
    std::unique_lock lock(mutex_);
    while (!resumed_.wait_for(lock, kick_again, [this] { return running_ == 0; })) {
        for (const auto &vcpu : vcpus_)
            vcpu->kick();
    }
    lock.unlock();
    // The I/O thread is stopped first: it kicks vCPUs if it fails, so their threads must still exist.
    io_thread_.stop();
    for (const auto &vcpu : vcpus_)
        vcpu->join();
}

void Vm::check_vcpus(const VmOptions &options) const {
    size_t count = options.vcpus.size();
    int most = kvm_.extension(KVM_CAP_MAX_VCPUS);
    if (count == 0 || (most > 0 && count > static_cast<size_t>(most)))
        throw Error(ErrorCode::invalid, "a machine of " + std::to_string(count) + " vCPUs: this KVM has 1 to " +
                                            std::to_string(most) + "; ask for a smaller topology");
    int ids = kvm_.extension(KVM_CAP_MAX_VCPU_ID);
    for (const VcpuOptions &vcpu : options.vcpus) {
        if (ids > 0 && vcpu.apic_id >= static_cast<uint32_t>(ids))
            throw Error(ErrorCode::invalid, "APIC id " + std::to_string(vcpu.apic_id) + ": this KVM has ids below " +
                                                std::to_string(ids) + "; ask for a smaller topology");
    }
}

void Vm::write_contents(const std::vector<VmOptions::Content> &contents) const {
    for (const VmOptions::Content &content : contents) {
        uint8_t *to = memory_->at(content.address, content.bytes.size());
        if (to == nullptr)
            throw Error(ErrorCode::invalid, std::to_string(content.bytes.size()) + " bytes at " + hex(content.address) +
                                                " do not fit guest memory");
        std::copy(content.bytes.begin(), content.bytes.end(), to);
    }
}

void Vm::create_chips(bool split) {
    if (kvm_ioctl(fd_.get(), KVM_SET_TSS_ADDR, tss_address) < 0)
        throw_errno("KVM_SET_TSS_ADDR");
    uint64_t identity_map = identity_map_address;
    if (kvm_.extension(KVM_CAP_SET_IDENTITY_MAP_ADDR) > 0 &&
        kvm_ioctl(fd_.get(), KVM_SET_IDENTITY_MAP_ADDR, &identity_map) < 0)
        throw_errno("KVM_SET_IDENTITY_MAP_ADDR");
    if (split)
        create_split_chips();
    else
        create_kernel_chips();
    uint64_t wanted = KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
    if ((static_cast<uint64_t>(kvm_.extension(KVM_CAP_X2APIC_API)) & wanted) == wanted) {
        kvm_enable_cap cap{};
        cap.cap = KVM_CAP_X2APIC_API;
        cap.args[0] = wanted;
        if (kvm_ioctl(fd_.get(), KVM_ENABLE_CAP, &cap) < 0)
            throw_errno("KVM_CAP_X2APIC_API");
    }
}

void Vm::create_kernel_chips() {
    if (kvm_ioctl(fd_.get(), KVM_CREATE_IRQCHIP) < 0)
        throw_errno("KVM_CREATE_IRQCHIP");
    // The PIT includes port 0x61, which kernels read while they calibrate clocks.
    kvm_pit_config pit{};
    pit.flags = KVM_PIT_SPEAKER_DUMMY;
    if (kvm_ioctl(fd_.get(), KVM_CREATE_PIT2, &pit) < 0)
        throw_errno("KVM_CREATE_PIT2");
}

void Vm::create_split_chips() {
    kvm_enable_cap cap{};
    cap.cap = KVM_CAP_SPLIT_IRQCHIP;
    cap.args[0] = IoApic::pins;
    if (kvm_ioctl(fd_.get(), KVM_ENABLE_CAP, &cap) < 0)
        throw_errno("KVM_CAP_SPLIT_IRQCHIP");
    io_apic_ = std::make_unique<IoApic>([fd = fd_.get()](const Message &message) {
        kvm_msi msi{};
        // Intel SDM volume 3, 11.11.1; beyond 8 bits the destination goes where KVM_CAP_X2APIC_API says.
        msi.address_lo = 0xfee00000 | (message.destination & 0xff) << 12 | (message.logical ? 1U << 2 : 0);
        msi.address_hi = message.destination & ~0xffU;
        msi.data = static_cast<uint32_t>(message.delivery_mode) << 8 | message.vector;
        // A destination that does not exist is the guest's own mistake.
        kvm_ioctl(fd, KVM_SIGNAL_MSI, &msi);
    });
    mmio_.add(IoApic::address, IoApic::register_bytes, *io_apic_);
}

/** Registers guest memory on a separate thread, because KVM waits until no vCPU can use the old memory layout, although
 * there are no vCPUs yet. */
std::future<void> Vm::register_memory_aside() const {
    SignalsBlocked blocked;
    try {
        return std::async(std::launch::async, [this] { register_memory(); });
    } catch (const std::system_error &error) {
        throw Error(error_code_of(error.code().value()),
                    "no thread to register guest memory: " + std::string(error.what()));
    }
}

void Vm::register_memory() const {
    uint64_t host = reinterpret_cast<uint64_t>(memory_->data());
    uint32_t slot = 0;
    for (const Segment &segment : memory_->segments()) {
        kvm_userspace_memory_region region{};
        region.slot = slot++;
        region.guest_phys_addr = segment.address;
        region.memory_size = segment.size;
        region.userspace_addr = host;
        if (kvm_ioctl(fd_.get(), KVM_SET_USER_MEMORY_REGION, &region) < 0)
            throw_errno("KVM_SET_USER_MEMORY_REGION of " + std::to_string(segment.size) + " bytes at " +
                        hex(segment.address));
        host += segment.size;
    }
}

InterruptLine Vm::interrupt_line(uint32_t gsi) const {
    if (io_apic_)
        return [chip = io_apic_.get(), gsi](bool level) { chip->set_line(gsi, level); };
    return [fd = fd_.get(), gsi](bool level) {
        kvm_irq_level irq{};
        irq.irq = gsi;
        irq.level = level;
        // This only fails for a line that does not exist.
        kvm_ioctl(fd, KVM_IRQ_LINE, &irq);
    };
}

std::unique_ptr<Serial> Vm::create_serial(Port port, uint16_t base, uint32_t gsi, const char *name) {
    auto transmit = [this, port, name](uint8_t byte) {
        auto [count, room] = outbox_.append(port, &byte, 1);
        // A UART can't keep a guest from writing, and a stream with a gap is of no use to its reader.
        if (count == 0)
            fail_device(std::string(name) + ": the guest sent on while " +
                        std::to_string(Outbox::capacity + Outbox::slack) +
                        " bytes waited for the host; what followed is lost");
        return room;
    };
    auto device = std::make_unique<Serial>(interrupt_line(gsi),
                                           Serial::Host{transmit, [this, port] { outbox_.post_sent(port); }});
    ports_.add(base, Serial::register_count, *device);
    return device;
}

void Vm::fail_device(const std::string &what) { finish({ExitKind::device_error, what, ""}); }

void Vm::create_devices(const VmOptions &options) {
    com1_ = create_serial(Port::com1, com1_port, com1_gsi, "COM1");
    com2_ = create_serial(Port::com2, com2_port, com2_gsi, "COM2");
    i8042_ = std::make_unique<I8042>([this] { finish({ExitKind::reset, "", ""}); });
    i8042_->attach(ports_);
    power_ = std::make_unique<AcpiPower>(options.power, [this] { finish({ExitKind::power_off, "", ""}); });
    power_->attach(ports_);
    if (options.console) {
        console_ = std::make_unique<VirtioConsole>(VirtioConsole::Host{
            [this](const uint8_t *bytes, size_t size) { return outbox_.append(Port::console, bytes, size); },
            [this] { outbox_.post_sent(Port::console); }});
        attach(*console_, *options.console);
    }
    if (options.disk) {
        disk_ =
            std::make_unique<VirtioBlock>(options.disk->path, [this](const std::string &what) { fail_device(what); });
        attach(*disk_, options.disk->slot);
    }
}

std::function<void()> Vm::interrupt_pulse(uint32_t gsi) {
    if (io_apic_)
        return [chip = io_apic_.get(), gsi] {
            chip->set_line(gsi, true);
            chip->set_line(gsi, false);
        };
    interrupts_.push_back(std::make_unique<Event>());
    const Event &event = *interrupts_.back();
    kvm_irqfd irqfd{};
    irqfd.fd = static_cast<uint32_t>(event.fd());
    irqfd.gsi = gsi;
    if (kvm_ioctl(fd_.get(), KVM_IRQFD, &irqfd) < 0)
        throw_errno("KVM_IRQFD of line " + std::to_string(gsi));
    return [&event] { event.signal(); };
}

void Vm::attach(VirtioDevice &device, const VirtioSlot &slot) {
    virtio_.push_back(std::make_unique<VirtioMmio>(device, *memory_, interrupt_pulse(slot.gsi)));
    VirtioMmio &transport = *virtio_.back();
    mmio_.add(slot.address, VirtioMmio::register_bytes, transport);
    kvm_ioeventfd doorbell{};
    doorbell.addr = slot.address + VirtioMmio::queue_notify;
    doorbell.len = 4;
    doorbell.fd = transport.doorbell().fd();
    if (kvm_ioctl(fd_.get(), KVM_IOEVENTFD, &doorbell) < 0)
        throw_errno("KVM_IOEVENTFD at " + hex(doorbell.addr));
    io_thread_.add(transport.doorbell(), [&transport] { transport.serve(); });
}

void Vm::start() {
    loader_->wait();
    SignalsBlocked blocked;
    {
        std::lock_guard lock(mutex_);
        if (started_ || requested_ != Request::run)
            return;
        // No vCPU runs until all threads exist, because a vCPU that ends the machine must find the others.
        requested_ = Request::pause;
    }
    try {
        for (const auto &vcpu : vcpus_) {
            {
                std::lock_guard lock(mutex_);
                running_++;
            }
            try {
                vcpu->start();
            } catch (...) {
                std::lock_guard lock(mutex_);
                running_--;
                throw;
            }
        }
        // The I/O thread starts last, because it may end the machine at once.
        io_thread_.start();
    } catch (const std::system_error &error) {
        stop();
        throw Error(error_code_of(error.code().value()),
                    "can't start the vCPUs' threads: " + std::string(error.what()));
    }
    {
        std::lock_guard lock(mutex_);
        started_ = true;
    }
    request(Request::run);
}

void Vm::request(Request request) {
    {
        std::lock_guard lock(mutex_);
        if (requested_ == Request::stop)
            return;
        requested_ = request;
    }
    resumed_.notify_all();
    if (request == Request::run)
        return;
    for (const auto &vcpu : vcpus_)
        vcpu->kick();
}

void Vm::stop() { finish({ExitKind::killed, "", ""}); }

void Vm::finish(ExitReport report) {
    bool none_runs;
    {
        std::lock_guard lock(mutex_);
        if (!exit_)
            exit_ = std::move(report);
        none_runs = running_ == 0 && !exit_posted_;
        exit_posted_ |= none_runs;
    }
    request(Request::stop);
    if (none_runs)
        outbox_.post_exit(*exit_);
}

void Vm::thread_ended() {
    std::unique_lock lock(mutex_);
    if (running_ == 1 && !exit_posted_) {
        // Requests that the guest made before it ended are served before the end is reported. The lock is released
        // because a device that fails while served takes it; no other thread can reach this point.
        lock.unlock();
        for (const auto &device : virtio_)
            device->serve();
        lock.lock();
    }
    if (--running_ == 0 && !exit_posted_) {
        exit_posted_ = true;
        outbox_.post_exit(exit_.value_or(ExitReport{ExitKind::killed, "", ""}));
    }
    resumed_.notify_all();
}

void Vm::pause() {
    {
        std::lock_guard lock(mutex_);
        if (!started_ || running_ == 0 || requested_ == Request::stop)
            return;
        if (waiting_ == running_)
            outbox_.post_paused();
    }
    request(Request::pause);
}

void Vm::resume() {
    {
        std::lock_guard lock(mutex_);
        if (!started_ || requested_ != Request::pause)
            return;
    }
    // Tells the guest's watchdogs that the guest was paused. Guests without kvmclock can't be told.
    for (const auto &vcpu : vcpus_)
        kvm_ioctl(vcpu->fd(), KVM_KVMCLOCK_CTRL);
    request(Request::run);
}

bool Vm::may_run() {
    if (requested_ == Request::run)
        return true;
    std::unique_lock lock(mutex_);
    if (requested_ == Request::pause) {
        waiting_++;
        if (waiting_ == running_ && started_)
            outbox_.post_paused();
        resumed_.wait(lock, [this] { return requested_ != Request::pause; });
        waiting_--;
    }
    return requested_ == Request::run;
}

size_t Vm::send(Port port, const uint8_t *bytes, size_t size) {
    switch (port) {
    case Port::com1:
        return com1_->receive(bytes, size);
    case Port::com2:
        return com2_->receive(bytes, size);
    case Port::console:
        if (!console_)
            throw Error(ErrorCode::invalid, "this machine has no virtio console");
        return console_->receive(bytes, size);
    }
    return 0;
}

std::vector<uint8_t> Vm::take(Port port) {
    std::vector<uint8_t> bytes = outbox_.take(port);
    if (bytes.empty())
        return bytes;
    if (port == Port::com1)
        com1_->output_room();
    else if (port == Port::com2)
        com2_->output_room();
    else if (console_)
        console_->output_room();
    return bytes;
}

void Vm::resize(uint16_t columns, uint16_t rows) {
    if (console_)
        console_->resize(columns, rows);
}

std::map<std::string, uint64_t> Vm::statistics() {
    std::map<std::string, uint64_t> sums;
    if (!counters_)
        counters_ = vcpus_.front()->kernel_stats().counters();
    for (const auto &vcpu : vcpus_) {
        for (size_t reason = 0; reason < Vcpu::exit_reasons; reason++) {
            uint64_t count = vcpu->exits()[reason].load(std::memory_order_relaxed);
            const char *name = exit_reason_name(reason);
            if (count > 0)
                sums[name != nullptr ? name : "exit_" + std::to_string(reason)] += count;
        }
        vcpu->kernel_stats().add_to(sums, *counters_);
    }
    return sums;
}

std::vector<int> Vm::thread_ids() const {
    std::vector<int> ids;
    for (const auto &vcpu : vcpus_)
        ids.push_back(vcpu->thread_id());
    return ids;
}

} // namespace ktstr
