/** Every surface of a node that is fuzzed from outside. What is missing here is not fuzzed. */
import { httpSurface } from "./surfaces/http.ts";
import { memberSurface } from "./surfaces/member.ts";
import { strangerSurface } from "./surfaces/stranger.ts";
import type { Surface } from "./surfaces/surface.ts";
import { webSocketSurface } from "./surfaces/websocket.ts";

export const SURFACES: readonly Surface[] = [
  httpSurface,
  webSocketSurface,
  strangerSurface,
  memberSurface,
];
