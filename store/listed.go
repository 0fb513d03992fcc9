package store

import "time"

// Listed is what a store knows of one upload, for an operator.
type Listed struct {
	ID       string
	Size     int64 // -1 while it isn't known
	Offset   int64
	State    string // receiving, complete, sealed, part, damaged or unusable
	Modified time.Time
	Created  time.Time
	Owner    string
	Filename string
	Expires  time.Time // zero: never
	Err      error     // why it is unusable
}

// Expired is an upload that was removed, or would be.
type Expired struct {
	ID    string
	Bytes int64
}
