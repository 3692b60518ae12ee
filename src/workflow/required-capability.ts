/** What a handler requires of a node: `none`, a capability, or several at once, as one text. */

/** Between capabilities, none of which may contain it. */
const AND = "+";

/** Several requirements as one; `none` where there are none. */
export function allOf(required: readonly string[]): string {
  const different = [...new Set(required.filter((one) => one !== "none"))];
  return different.length === 0 ? "none" : different.join(AND);
}

/** Whether a node that offers these capabilities may run what requires that. */
export function offers(capabilities: readonly string[], required: string): boolean {
  if (required === "none" || capabilities.includes(required)) return true;
  return required.includes(AND) && required.split(AND).every((one) => capabilities.includes(one));
}
