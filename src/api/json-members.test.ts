import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonMembers } from "./json-members.ts";

test("members come in the order of the text, equal keys and number-like keys alike", () => {
  const text =
    ' { "b" :1 , "10":[ {"x":"}"} ,2] ,"9":"a,\\"b\\\\" , "b":{"c":{}} ,"\\u0061": null } ';
  expect(jsonMembers(text).map(({ key, json }) => [key, json.trim()])).toEqual([
    ["b", "1"],
    ["10", '[ {"x":"}"} ,2]'],
    ["9", '"a,\\"b\\\\"'],
    ["b", '{"c":{}}'],
    ["a", "null"],
  ]);
});

test("an empty object has no members", () => {
  expect(jsonMembers("{ \n }")).toEqual([]);
});

test("for any object without equal keys they are the same as those of the parsed object", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.constantFrom(0, 1, 3),
      (object, indent) => {
        const members = jsonMembers(JSON.stringify(object, null, indent));
        const again = members.map(({ key, json }): [string, unknown] => [key, JSON.parse(json)]);
        expect(Object.fromEntries(again)).toEqual(JSON.parse(JSON.stringify(object)));
      },
    ),
  );
});

test("deep nesting costs no stack", () => {
  const deep = `${"[".repeat(400_000)}${"]".repeat(400_000)}`;
  expect(jsonMembers(`{"a":${deep},"b":1}`).map(({ key }) => key)).toEqual(["a", "b"]);
});
