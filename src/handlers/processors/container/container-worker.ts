/**
 * The process that looks after containers, one call at a time: the worker of JavaScript, with handlers that are
 * read instead of loaded. Its argument are the node's settings of containers.
 */
import "./container-loader.ts";
import "../javascript/javascript-worker.ts";
