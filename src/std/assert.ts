/** Thrown when the program itself is wrong. Never caught to carry on; the owner of the state stops. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** States a fact that must hold. @throws {AssertionError} when it does not. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks a branch that the types say cannot be reached; a new union member makes this a type error. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
