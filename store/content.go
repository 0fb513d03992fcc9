package store

import (
	"io"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// Content is a finished upload for who downloads it. It never changes.
type Content struct {
	Info     handler.FileInfo
	Modified time.Time // when its last byte was written
	// Body is its bytes, to be closed. It belongs to one goroutine. What it reads may
	// come over a network, from the first Read after a Seek on; it then ends with the
	// context that Content was called with. A file is an *os.File, so that it can be sent
	// without being copied.
	Body io.ReadSeekCloser
}
