package store

// Occupied is what one upload takes of its owner's quotas. The zero value: nothing, since
// it isn't there, or is finished and empty.
type Occupied struct {
	Open  bool  // not finished; a part is open until a final has its bytes
	Bytes int64 // its length; while that isn't known, what has come of it
}

// Change is what becomes of what one upload occupies.
type Change struct {
	ID            string // or the part of it by which the store orders uploads
	Owner         string // empty: nobody
	Before, After Occupied
}

// Accounts count what the uploads of each owner occupy, and keep them within quotas. A
// store tells them of every change, of one upload in the order in which they happen. A
// final upload occupies nothing until it is sealed; then it takes the place of its parts,
// so that a concatenation needs no room.
//
// Both methods may be called from any goroutine. Neither is idempotent: each call counts.
type Accounts interface {
	// Grow is called before an upload is created or becomes larger: nil means that it
	// may, and that After is counted in the place of Before. To look and to count is one
	// step, so that of two which fit only alone one is refused. An error is a
	// handler.Error for the client, 507 over quota; then nothing was counted. If the
	// upload doesn't grow after all, Changed takes it back. It is called for each block
	// of an upload of unknown length, between two reads of its client: who has to ask
	// over a network asks for more at a time, and answers within a second.
	Grow(c Change) error
	// Changed counts what can't be refused: what has become smaller, finished or gone.
	// With Before equal to After it only says that the upload may change soon. It doesn't
	// block and doesn't fail: what can't be passed on at once is kept until it can.
	Changed(c Change)
}

// Unlimited are the accounts of a store that nobody wants to be counted.
type Unlimited struct{}

// Grow is part of Accounts. It refuses nothing.
func (Unlimited) Grow(Change) error { return nil }

// Changed is part of Accounts.
func (Unlimited) Changed(Change) {}
