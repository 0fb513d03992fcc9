package bucket

import (
	"io"
	"time"
)

// Object is what the bucket says of an object. Key has no Prefix; ETag is as the
// endpoint writes it, with its quotes; Metadata is the user's, keys in lower case.
type Object struct {
	Key      string
	Size     int64
	ETag     string
	Modified time.Time
	Metadata map[string]string
}

// Content is what is to be stored. Size is in bytes. CRC32C is the Castagnoli
// checksum of all of it; with a wrong one nothing is stored (ErrDamaged).
type Content struct {
	Body        io.ReaderAt // in memory or a file: it is read once for each attempt
	Size        int64
	CRC32C      uint32
	Metadata    map[string]string // ASCII; keys in lower case; about 1.8 KB in all
	ContentType string
	Lasting     bool // it stays: it gets Options.StorageClass
}

// Condition is when a Put may write.
type Condition string

const (
	// Any writes in any case.
	Any Condition = ""
	// Absent writes only if there is no object with this key.
	Absent Condition = "*"
)

// Match writes only over the object with this ETag.
func Match(etag string) Condition { return Condition("=" + etag) }

// Part is one part of a multipart upload. CRC32C is what Complete has to name, in
// base64; it is empty where the multipart upload keeps none.
type Part struct {
	Number   int
	Size     int64
	ETag     string
	CRC32C   string
	Modified time.Time
}
