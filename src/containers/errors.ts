/** What can go wrong with a container engine, its images and its containers. */
import { JobxError } from "../std/errors.ts";

/** One member for each code. */
export type ContainersErrorDetails =
  /** Nobody listens at its socket, or the connection broke in the middle of a call. */
  | { readonly code: "CONTAINER_ENGINE_UNREACHABLE"; readonly address: string }
  /** It did not answer in the time that the call had. */
  | { readonly code: "CONTAINER_ENGINE_SILENT"; readonly address: string; readonly ms: number }
  /** It answered with a status that the call is not for. */
  | { readonly code: "CONTAINER_ENGINE_REFUSED"; readonly status: number; readonly reason: string }
  /** What it answered is not what its interface says, or larger than is taken. */
  | { readonly code: "CONTAINER_ENGINE_ANSWER_INVALID"; readonly reason: string }
  /** A setting or `DOCKER_HOST` names an engine in a way that is not known. */
  | { readonly code: "CONTAINER_ENGINE_ADDRESS_INVALID"; readonly address: string }
  /** The image is not there and could not be fetched. */
  | {
      readonly code: "CONTAINER_IMAGE_UNAVAILABLE";
      readonly image: string;
      readonly reason: string;
    }
  /** What names an image is no reference, or what is to be its archive is none. */
  | { readonly code: "CONTAINER_IMAGE_INVALID"; readonly image: string };

/** An operating error of this folder. */
export class ContainersError extends JobxError<ContainersErrorDetails> {}

/** The engine at this address cannot be reached. */
export function unreachable(address: string, cause: unknown): ContainersError {
  return new ContainersError(
    { code: "CONTAINER_ENGINE_UNREACHABLE", address },
    `the container engine at ${address} cannot be reached`,
    { cause },
  );
}

/** What the engine answered does not follow its interface. */
export function answerInvalid(reason: string, cause?: unknown): ContainersError {
  return new ContainersError(
    { code: "CONTAINER_ENGINE_ANSWER_INVALID", reason },
    `the container engine's answer is not understood: ${reason}`,
    { cause },
  );
}
