package store

import "time"

// Expiring is an upload that knows when it will be removed unless more bytes of
// it come; false: it won't.
type Expiring interface{ Expires() (time.Time, bool) }
