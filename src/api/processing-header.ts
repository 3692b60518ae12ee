/** A header of requests that take long. */

/**
 * Whoever sends this is told by answers "102 Processing" that the call goes on: the `fetch` of Node gives up after five
 * minutes without one. Not told unasked, since some clients take that for the answer (Python's `http.client`).
 */
export const PROCESSING_HEADER = "jobx-processing";
