/**
 * What a look at `/dev/kvm` found: it can exist and still be of no use.
 *
 * @since 0.1.0
 */
import { Context, type Effect, Schema } from "effect"
import { oneLine } from "../base/index.ts"

/**
 * `usable`: a tiny guest ran right and about as fast as the host; `too slow`: it ran right, but many times slower (a KVM that
 * interprets); `wrong`: it did not do what its instructions say; `absent`: no `/dev/kvm`; `denied`: no permission to open it.
 *
 * @since 0.1.0
 * @category models
 */
export const KvmVerdictKind: Schema.Literal<["usable", "too slow", "wrong", "absent", "denied"]> = Schema.Literal(
  "usable",
  "too slow",
  "wrong",
  "absent",
  "denied"
)

/**
 * @since 0.1.0
 * @category models
 */
export class KvmVerdict extends Schema.Class<KvmVerdict>("KvmVerdict")({
  verdict: KvmVerdictKind,
  /** One line: what was seen. */
  reason: Schema.String,
  /** Guest time over host time for the same loop, where both were measured. */
  ratio: Schema.optional(Schema.Number),
  /** Rate of this machine's time-stamp counter, which emulated guests read as well; absent where it is not constant. */
  tscKhz: Schema.optional(Schema.Number)
}) {
  get usable(): boolean {
    return this.verdict === "usable"
  }

  /** {@link message} without how to fix it: one sentence. */
  get finding(): string {
    switch (this.verdict) {
      case "absent":
        return "/dev/kvm not found"
      case "denied":
        return "/dev/kvm: permission denied"
      default:
        return oneLine(this.message)
    }
  }

  /** What a user is told when KVM was asked for: the finding, and how to mend it. Several lines for `absent` and `denied`. */
  get message(): string {
    switch (this.verdict) {
      case "usable":
        return `/dev/kvm: usable (${this.reason})`
      case "absent":
        return [
          "/dev/kvm not found. KVM requires:",
          "  - Linux kernel with KVM support (CONFIG_KVM)",
          "  - Access to /dev/kvm (check permissions or add user to 'kvm' group)",
          "  - Hardware virtualization enabled in BIOS (VT-x/AMD-V)"
        ].join("\n")
      case "denied":
        return [
          "/dev/kvm: permission denied. Add your user to the 'kvm' group:",
          "  sudo usermod -aG kvm $USER",
          "  then log out and back in."
        ].join("\n")
      default:
        return `/dev/kvm: present, not usable: ${this.verdict}: ${this.reason}`
    }
  }

  /** {@link message} for one who asked for a machine that needs KVM, with what to do instead. */
  get refusal(): string {
    const mended = this.verdict === "absent" || this.verdict === "denied"
    return mended ? this.message : `${this.message}; use --vmm qemu-tcg, or auto, which emulates where KVM is of no use`
  }
}

/**
 * The pre-flight look at KVM. It never fails: whatever goes wrong is a verdict.
 *
 * @since 0.1.0
 * @category services
 */
export class KvmProbe extends Context.Tag("@ktstr/core/KvmProbe")<
  KvmProbe,
  {
    readonly verdict: Effect.Effect<KvmVerdict>
  }
>() {}
