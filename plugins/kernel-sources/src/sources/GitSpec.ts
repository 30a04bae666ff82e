/**
 * `git+URL#REF`: a branch, tag or commit of a git repository.
 *
 * @since 0.1.0
 */

import { labelOf } from "@ktstr/core/kernel"
import { Option } from "effect"

/**
 * @since 0.1.0
 * @category models
 */
export interface GitSpec {
  /** For git, with credentials: must not be shown. */
  readonly url: string
  /** Without credentials. */
  readonly shownUrl: string
  /** Branch, tag, full name of a ref, or commit of 40 or 64 hex digits. Default `HEAD`. */
  readonly ref: string
  /** The last directory of the URL's path before the repository; empty when there is none. */
  readonly owner: string
  readonly repository: string
}

const scheme = /^(https?|git|ssh|file):\/\//

/**
 * Returns a text without the user names and passwords of its URLs.
 *
 * @since 0.1.0
 * @category conversions
 */
export const withoutCredentials = (text: string): string =>
  text
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/'"@]*(?:@[^\s/'"@]*)*@/gi, "$1")
    .replace(/([?&][^\s=&'"]+)=[^\s&'"#]+/g, "$1=…")

/**
 * Parses `git+URL#REF`; none for anything else. URLs may use http, https, ssh, git and file; an absolute path is a file URL. Other
 * transports of git, such as `ext::`, run programs and are refused.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseGitSpec = (text: string): Option.Option<GitSpec> => {
  const found = /^git\+([^#]+)(?:#(.*))?$/s.exec(text)
  if (found === null) return Option.none()
  const named = found[1] ?? ""
  const url = named.startsWith("/") ? `file://${named}` : named
  if (!scheme.test(url) || /[\s\0]/.test(named.startsWith("/") ? "" : url)) return Option.none()
  const ref = found[2] || "HEAD"
  // A name that git check-ref-format(1) forbids could also be read as an option or a pattern.
  if (/^-|\.\.|[\s\0~^:?*[\\]|@\{|\/$|\.lock$/.test(ref)) return Option.none()
  const shownUrl = withoutCredentials(url)
  const path = shownUrl.replace(scheme, "").replace(/[?].*$/, "")
  // The first part is the host; it is empty for a file.
  const parts = path
    .split("/")
    .slice(1)
    .filter((part) => part !== "" && !part.startsWith("~"))
  const repository = (parts.at(-1) ?? "").replace(/\.git$/, "")
  return repository === "" ? Option.none() : Option.some({ url, shownUrl, ref, owner: parts.at(-2) ?? "", repository })
}

/**
 * `kernel_git_{owner}_{repo}_{ref}`.
 *
 * @since 0.1.0
 * @category conversions
 */
export const gitLabel = ({ owner, repository, ref }: GitSpec): string =>
  labelOf(
    "git",
    ...[owner, repository, ref]
      .filter((part) => part !== "")
      .map((part) => part.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, ""))
  )

/**
 * Returns the ref that a name means, from the lines of `git ls-remote`: a tag before a branch, as in git itself, and for an annotated tag the
 * commit that it points to.
 *
 * @since 0.1.0
 * @category parsing
 */
export const chooseRef = (
  lines: ReadonlyArray<string>,
  name: string
): Option.Option<{ readonly ref: string; readonly commit: string }> => {
  const refs = new Map(
    lines.flatMap((line) => {
      const [hash = "", ref = ""] = line.split("\t")
      return /^[0-9a-f]{40,64}$/.test(hash) ? [[ref, hash] as const] : []
    })
  )
  const candidates = [name, `refs/${name}`, `refs/tags/${name}`, `refs/heads/${name}`]
  const ref = candidates.find((candidate) => refs.has(candidate))
  return ref === undefined ? Option.none() : Option.some({ ref, commit: refs.get(`${ref}^{}`) ?? refs.get(ref) ?? "" })
}
