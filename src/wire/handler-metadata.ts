/** What a handler says about itself, passed on for the adapters, which may not import workflow. */

export {
  BUNDLE_BYTES_MAX,
  BUNDLE_FILE,
  BUNDLE_MARK,
  type DecodedBundle,
  decodeBundle,
} from "../workflow/bundle.ts";
export type { ContainerDefinition, ContainerHandler } from "../workflow/container-handler.ts";
export {
  CONTAINER_COUNT_MAX,
  containerSource,
  readContainerHandler,
} from "../workflow/container-handler.ts";
export type { HandlerMetadata, ParsedText } from "../workflow/handler-metadata.ts";
export {
  HandlerMetadataError,
  readBundleMetadata,
  readHandlerMetadata,
} from "../workflow/handler-metadata.ts";
export type { HandlerRuntime } from "../workflow/handler-runtime.ts";
export { IMAGES_FOLDER, imageFile, imageNameFile } from "../workflow/image-paths.ts";
export { languageOfFile } from "../workflow/languages.ts";
export { isName, NAME_RULE } from "../workflow/names.ts";
export { sizeText } from "../workflow/size.ts";
