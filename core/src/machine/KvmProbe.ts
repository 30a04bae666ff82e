/**
 * The result of probing `/dev/kvm`, which can exist and still be unusable.
 *
 * @since 0.1.0
 */
import { Context, type Effect, Schema } from "effect"
import { oneLine } from "../base/index.ts"

/**
 * `usable`: a tiny guest ran correctly and about as fast as the host; `too slow`: it ran correctly but many times slower (a KVM that interprets
 * instructions); `wrong`: it did not do what its instructions say; `absent`: no `/dev/kvm`; `denied`: no permission to open it.
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
 * What the probe of KVM found.
 *
 * @since 0.1.0
 * @category models
 */
export class KvmVerdict extends Schema.Class<KvmVerdict>("KvmVerdict")({
  verdict: KvmVerdictKind,
  /** What the probe observed, in one line. */
  reason: Schema.String,
  /** Guest time divided by host time for the same loop, if both were measured. */
  ratio: Schema.optional(Schema.Number),
  /** Frequency of this host's time-stamp counter, in kHz, which emulated guests read as well; absent if it is not constant. */
  tscKhz: Schema.optional(Schema.Number)
}) {
  get usable(): boolean {
    return this.verdict === "usable"
  }

  /** The first part of {@link message}, without the advice, as one sentence. */
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

  /** The message for a user who asked for KVM: the finding and how to fix it. Several lines for `absent` and `denied`. */
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

  /** {@link message} for a user who asked for a machine that needs KVM; if nothing can be fixed, it names an alternative. */
  get refusal(): string {
    const mended = this.verdict === "absent" || this.verdict === "denied"
    return mended ? this.message : `${this.message}; use --vmm qemu-tcg, or auto, which emulates where KVM is of no use`
  }
}

/**
 * Probes KVM before a run. Never fails: every problem is a verdict.
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
