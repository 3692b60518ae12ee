/** What sealing adds to rows and commands that were written before there was any. */
import { expect, test } from "vitest";
import type { Command } from "../scheduler/commands.ts";
import type { Row } from "../scheduler/rows.ts";
import { payloadFormat } from "./command.ts";
import { rowFormat } from "./row.ts";

const CID = "1".repeat(64);
const PLAIN = "2".repeat(64);

const partOf = (...blocks: Extract<Row, { kind: "fs-part" }>["blocks"]): Row => ({
  kind: "fs-part",
  startBytes: 0,
  blocks,
});

const hexOf = (row: Row): string => Buffer.from(rowFormat.encode(row)).toString("hex");

test("a plain block is written as before, and a sealed one with the hash of its content after it", () => {
  const plain = hexOf(partOf({ cid: CID, bytes: 7 }));
  const sealed = hexOf(partOf({ cid: CID, bytes: 7, plain: PLAIN }));
  expect(plain).toBe(
    "9201932f009192c420111111111111111111111111111111111111111111111111111111111111111107",
  );
  expect(sealed).toBe(
    "9201932f009193c420111111111111111111111111111111111111111111111111111111111111111107c4202222222222222222222222222222222222222222222222222222222222222222",
  );
  const read = (hex: string): Row => rowFormat.decode(new Uint8Array(Buffer.from(hex, "hex")));
  expect(read(plain)).toEqual(partOf({ cid: CID, bytes: 7 }));
  expect(read(sealed)).toEqual(partOf({ cid: CID, bytes: 7, plain: PLAIN }));
});

test("options of a volume are written as before unless it seals", () => {
  const quotas = { quotaBytes: undefined, quotaInodes: undefined };
  const options = { copies: 2, chunking: "fixed", ...quotas } as const;
  const written = (command: Command): string => {
    const envelopes = [{ id: { kind: "none" }, command }] as const;
    return Buffer.from(payloadFormat.encode({ stampMs: 1, envelopes })).toString("hex");
  };
  const before = written({ kind: "fs-volume", revision: 3, options });
  const sealing = "aes-256-gcm-1";
  const after = written({ kind: "fs-volume", revision: 3, options: { ...options, sealing } });
  expect(before).toBe("9201920191929103932803940201c0c0");
  expect(after).toBe("9201920191929103932803950201c0c001");
});
