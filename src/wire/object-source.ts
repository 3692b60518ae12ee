/**
 * Where the objects of a list are, and one object that was found: JSON in the pairs of a request's arguments and
 * of its children. Unknown members are refused, so that a misspelt one is not taken for nothing.
 */

/** A source of objects, as it is submitted. */
export type ObjectSource =
  /** One object. */
  | { readonly type: "url"; readonly url: string }
  /** All objects of a bucket whose names begin with `prefix`, and fit `match` where that is said. */
  | {
      readonly type: "s3";
      readonly bucket: string;
      readonly prefix: string;
      readonly match?: string | undefined;
      /** Of the service; without it what the node's environment says, else that of AWS. */
      readonly endpoint?: string | undefined;
      readonly region?: string | undefined;
    }
  /** A file of the workflow's volume, or all files below a folder that fit `match`. */
  | { readonly type: "volume"; readonly path: string; readonly match?: string | undefined }
  /** The same on the node that lists and on all that fetch, below folders that these allow. */
  | { readonly type: "local"; readonly path: string; readonly match?: string | undefined };

/** An object that was found. `version`: differs when the content does; undefined where nobody tells. */
export type ObjectRef =
  | { readonly type: "url"; readonly url: string }
  | {
      readonly type: "s3";
      readonly bucket: string;
      readonly key: string;
      readonly endpoint?: string | undefined;
      readonly region?: string | undefined;
      readonly bytes: number;
      readonly version?: string | undefined;
    }
  | {
      readonly type: "volume";
      readonly path: string;
      readonly bytes: number;
      readonly version?: string | undefined;
    }
  | {
      readonly type: "local";
      readonly path: string;
      readonly bytes: number;
      readonly version?: string | undefined;
    };

/** Characters of a URL, path, prefix or pattern of a source. */
export const SOURCE_TEXT_LENGTH_MAX = 4096;

type Fields = Readonly<Record<string, unknown>>;

/** A source, or why the value is none. */
export function parseSource(value: unknown): ObjectSource | string {
  if (!isFields(value)) return "a source is an object with a type";
  const type = value["type"];
  const shape = typeof type === "string" ? SOURCES.get(type) : undefined;
  if (typeof type !== "string" || shape === undefined) {
    return `the type of a source is ${[...SOURCES.keys()].join(", ")}`;
  }
  const wrong = misfit(value, shape, type);
  if (wrong !== undefined) return wrong;
  const texts = new Map(
    Object.entries(value).flatMap(([name, text]) =>
      typeof text === "string" ? [[name, text]] : [],
    ),
  );
  const match = texts.get("match");
  switch (type) {
    case "url":
      return urlSource(texts.get("url") ?? "");
    case "s3": {
      const endpoint = texts.get("endpoint");
      if (endpoint !== undefined && !isHttp(endpoint))
        return "the endpoint is no http or https URL";
      const [bucket = "", prefix = ""] = [texts.get("bucket"), texts.get("prefix")];
      return { type, bucket, prefix, match, endpoint, region: texts.get("region") };
    }
    case "volume":
      return { type, path: texts.get("path") ?? "", match };
    default:
      return { type: "local", path: texts.get("path") ?? "", match };
  }
}

/** What an object is called, for people and as the key of its child. */
export function objectName(object: ObjectRef): string {
  switch (object.type) {
    case "url":
      return object.url;
    case "s3":
      return `s3://${object.bucket}/${object.key}`;
    case "volume":
    case "local":
      return object.path;
  }
}

interface Shape {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

const SOURCES: ReadonlyMap<string, Shape> = new Map([
  ["url", { required: ["url"], optional: [] }],
  ["s3", { required: ["bucket"], optional: ["prefix", "match", "endpoint", "region"] }],
  ["volume", { required: ["path"], optional: ["match"] }],
  ["local", { required: ["path"], optional: ["match"] }],
]);

function misfit(value: Fields, { required, optional }: Shape, type: string): string | undefined {
  for (const name of required) {
    if (typeof value[name] !== "string" || value[name] === "") return `${type} needs a ${name}`;
  }
  for (const [name, text] of Object.entries(value)) {
    if (name === "type") continue;
    if (!required.includes(name) && !optional.includes(name)) return `${type} has no ${name}`;
    if (typeof text !== "string") return `${name} is a text`;
    if (text.length > SOURCE_TEXT_LENGTH_MAX) {
      return `${name} has more than ${SOURCE_TEXT_LENGTH_MAX} characters`;
    }
  }
  return undefined;
}

function urlSource(url: string): ObjectSource | string {
  return isHttp(url) ? { type: "url", url } : "the url of a source is no http or https URL";
}

function isHttp(text: string): boolean {
  return URL.canParse(text) && /^https?:$/u.test(new URL(text).protocol);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
