/** How far trees are followed. */

/** Directories inside each other. */
export const TREE_DEPTH_MAX = 128;

/** Levels of nodes above the content of a file. */
export const FILE_DEPTH_MAX = 32;

/** Entries and nodes that one walk looks at, leaves too, each as often as it is named. */
export const WALK_NODES_MAX = 16 * 1024 * 1024;
