//go:build !linux

package disk

// place is for the journal, which needs syncfs.
func (s *Store) place() string { return "" }
