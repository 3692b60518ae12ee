/** Extended attributes as they are shown and said: values are base64. */
import type { InodeAttribute } from "../../api/inode-port.ts";
import type { InodeRow } from "../../scheduler/tree/rows.ts";

/** The only ones that people set by path; the kernel has others. */
const USERS = "user.";

/** Whether it is one of people's. */
export function isUsers(name: string): boolean {
  return name.startsWith(USERS) && name.length > USERS.length;
}

export function attributesView({ attributes }: InodeRow): readonly InodeAttribute[] {
  return attributes.map(({ name, value }) => ({
    name,
    value: Buffer.from(value).toString("base64"),
  }));
}

/** Undefined takes it away. */
export function attributeBytes(value: string | null): Uint8Array | undefined {
  return value === null ? undefined : new Uint8Array(Buffer.from(value, "base64"));
}
