package client

import "time"

// Kind is what an [Event] is about.
type Kind int

// The kinds, in the order in which an upload goes through them. Started and Ended come once each.
const (
	Started  Kind = iota // the file was opened
	Created              // the server has made an upload for it
	Resumed              // an upload of an earlier run goes on at Offset
	Found                // it is uploaded already, to Address; Ended is next
	Moved                // Offset bytes are sent, or, after a break, kept by the server
	Waiting              // Err happened; the next try is after Wait
	Vanished             // the server no longer has the upload, which begins anew
	Warning              // Err is worth to be known, but doesn't hinder the upload
	Ended                // Err is nil if the file is uploaded, to Address
)

// Event is one thing that happened to an upload.
type Event struct {
	Kind    Kind
	File    string // as it was given
	Size    int64
	Offset  int64
	Err     error
	Wait    time.Duration
	Address string
}
