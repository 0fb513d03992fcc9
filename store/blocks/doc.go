// Package blocks copies the bodies of requests in large blocks, while an upload
// that waits for its client holds next to nothing (Pool.Copy), and bounds the memory
// of all blocks together (Pool).
//
// Under stress, when more bytes arrive than blocks are there, requests wait for one;
// a block is held only while it is filled with bytes that have arrived and written,
// never while a client is waited for, so the wait is short. Blocks of 1 MiB cost a
// third of the CPU of blocks of 32 KiB (measured).
package blocks
