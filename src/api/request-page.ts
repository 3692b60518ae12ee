/** Which requests are asked for, and how. */
/** What has become of a request. */
export type RequestState = "queued" | "running" | "paused" | "succeeded" | "failed" | "cancelled";

/** How a request is asked for. */
export interface RequestWait {
  /** 0 does not wait. */
  readonly waitMs: number;
  readonly withResult: boolean;
  /** The caller has been told that it is paused. */
  readonly knowsPaused: boolean;
}

/** Which requests a list shows, the newest first. */
export interface RequestPage {
  readonly limit: number;
  /** Only those older than this one. */
  readonly before: string | undefined;
  /** Undefined is every state. */
  readonly states: readonly RequestState[] | undefined;
  readonly job: string | undefined;
  /** Bounds of the time of submission, in milliseconds since 1970, both included. */
  readonly sinceMs: number | undefined;
  readonly untilMs: number | undefined;
}
