/**
 * Parts that know nothing of ktstr: registries, suggestions for misspelt names, hashes, bytes, names of signals.
 *
 * @since 0.2.0
 */
export { crc32 } from "./Crc32.ts"
export { concatBytes } from "./concatBytes.ts"
export { guardPlugin } from "./guardPlugin.ts"
export { oneLine } from "./OneLine.ts"
export { OptionError, type OptionNames, refuseUnknown, unknownOption } from "./Options.ts"
export { pluginEffect } from "./pluginEffect.ts"
export {
  checkRegistration,
  type FieldKind,
  type Registrable,
  RegistrationError,
  registerEach,
  registrationProblem
} from "./Registration.ts"
export {
  DuplicateName,
  makeRegistry,
  type Named,
  type RegisterError,
  type Registry,
  type RegistryOptions,
  registering
} from "./Registry.ts"
export { runtime } from "./Runtime.ts"
export { sha256Hex, sha256OfFile, sha256OfParts } from "./Sha256.ts"
export { didYouMean, editDistance, suggestion } from "./Suggest.ts"
export { signalText } from "./signals.ts"
export { nextTurn } from "./Turn.ts"
export { describeFault, describeSources, faultPlace, faultText } from "./UserFault.ts"
