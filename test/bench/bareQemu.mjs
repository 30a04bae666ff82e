// The peer: qemu without ktstr, the same machine type and kernel, booted to a busybox that powers off.
import { execFileSync } from "node:child_process"
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** Writes the busybox initramfs into `folder` and returns its path. */
export const poweroffInitramfs = (folder) => {
  const tree = join(folder, "root")
  mkdirSync(join(tree, "bin"), { recursive: true })
  copyFileSync(existsSync("/bin/busybox") ? "/bin/busybox" : "/usr/bin/busybox", join(tree, "bin/busybox"))
  writeFileSync(join(tree, "init"), "#!/bin/busybox sh\n/bin/busybox poweroff -f\n")
  chmodSync(join(tree, "init"), 0o755)
  const file = join(folder, "bare.cpio")
  writeFileSync(
    file,
    execFileSync("sh", ["-c", "find . | cpio -o -H newc 2>/dev/null"], { cwd: tree, maxBuffer: 1 << 30 })
  )
  return file
}

/** One command line, without quotes, for `kernel` with `cpus` CPUs. */
export const bareQemu = ({ kernel, initramfs, cpus, memoryMb }) =>
  [
    "qemu-system-x86_64 -M q35 -accel tcg,thread=single -cpu max",
    `-smp ${cpus} -m ${memoryMb} -display none -monitor none -nodefaults -no-reboot -serial null`,
    `-kernel ${kernel} -initrd ${initramfs} -append "console=ttyS0 panic=-1"`
  ].join(" ")
