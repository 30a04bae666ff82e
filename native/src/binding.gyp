{
  "targets": [
    {
      "target_name": "ktstr",
      "sources": [
        "addon.cc",
        "devices/acpi_power.cc",
        "devices/i8042.cc",
        "devices/io_apic.cc",
        "devices/serial.cc",
        "devices/virtio_block.cc",
        "devices/virtio_console.cc",
        "devices/virtio_mmio.cc",
        "devices/virtqueue.cc",
        "script_options.cc",
        "script_value.cc",
        "vm/coalesced_writes.cc",
        "vm/error.cc",
        "vm/file_descriptor.cc",
        "vm/guest_memory.cc",
        "vm/io_bus.cc",
        "vm/io_thread.cc",
        "vm/kick_signal.cc",
        "vm/kvm.cc",
        "vm/kvm_stats.cc",
        "vm/memory_loader.cc",
        "vm/outbox.cc",
        "vm/registers.cc",
        "vm/vcpu.cc",
        "vm/vm.cc"
      ],
      "include_dirs": [".", "<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=c++20", "-Wall", "-Wextra", "-fvisibility=hidden"]
    }
  ]
}
