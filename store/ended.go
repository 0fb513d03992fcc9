package store

import (
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// EndedChunk is what a store tells of the writing of a request's bytes, once it has ended.
type EndedChunk struct {
	ID     string
	Offset int64 // of the first byte
	Size   int64 // bytes that are kept
	Began  time.Time
	Err    error // a handler.Error; nil: it went well
}

// EndedFinish is what a store tells of a finish, once it has ended. The files of a form
// are finished together: it is told of the first.
type EndedFinish struct {
	Info  handler.FileInfo
	Began time.Time
	Err   error // nil: it went well
}
