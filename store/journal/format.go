package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"slices"
)

const (
	headMagic  = 0x314c4e4a554154 // "TAUJNL1"
	entryMagic = 0x59525445       // "ETRY"
	entryHead  = 20               // magic, length, generation, CRC
	headFixed  = 24               // magic, generation, length of place, CRC
	maxPlace   = 512
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errNoEntry = errors.New("no entry")
	errNoHead  = errors.New("no head")
)

// appendEntry adds an entry of so many bytes, which fill writes.
func appendEntry(to []byte, generation uint64, size int, fill func([]byte) error) ([]byte, error) {
	at := len(to)
	to = slices.Grow(to, entryHead+size)[:at+entryHead+size]
	head, body := to[at:at+entryHead], to[at+entryHead:]
	if err := fill(body); err != nil {
		return to[:at], err
	}
	binary.LittleEndian.PutUint32(head, entryMagic)
	binary.LittleEndian.PutUint32(head[4:], uint32(size))
	binary.LittleEndian.PutUint64(head[8:], generation)
	binary.LittleEndian.PutUint32(head[16:], entrySum(head[:16], body))
	return to, nil
}

func entrySum(head, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, body)
}

// readEntry returns the bytes of the entry at an offset, or errNoEntry.
func readEntry(f io.ReaderAt, offset int64, generation uint64) ([]byte, error) {
	var head [entryHead]byte
	if n, err := f.ReadAt(head[:], offset); n < len(head) {
		return nil, endOf(err)
	}
	length := binary.LittleEndian.Uint32(head[4:])
	if binary.LittleEndian.Uint32(head[:]) != entryMagic || binary.LittleEndian.Uint64(head[8:]) != generation || length > maxPiece {
		return nil, errNoEntry
	}
	body := make([]byte, length)
	if n, err := f.ReadAt(body, offset+entryHead); n < len(body) {
		return nil, endOf(err)
	}
	if binary.LittleEndian.Uint32(head[16:]) != entrySum(head[:16], body) {
		return nil, errNoEntry
	}
	return body, nil
}

// endOf takes the end of the file for the end of the entries.
func endOf(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return errNoEntry
	}
	return err
}

// head is the first block of a file.
type head struct {
	generation uint64
	place      string
}

func (h head) bytes() []byte {
	b := make([]byte, block)
	binary.LittleEndian.PutUint64(b, headMagic)
	binary.LittleEndian.PutUint64(b[8:], h.generation)
	binary.LittleEndian.PutUint32(b[16:], uint32(len(h.place)))
	copy(b[headFixed:], h.place)
	binary.LittleEndian.PutUint32(b[20:], entrySum(b[:20], b[headFixed:]))
	return b
}

// readHead returns errNoHead if there is none, or a damaged one: nothing was
// acknowledged in such a file.
func readHead(f io.ReaderAt) (head, error) {
	b := make([]byte, block)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		if errors.Is(endOf(err), errNoEntry) {
			return head{}, errNoHead
		}
		return head{}, err
	}
	length := binary.LittleEndian.Uint32(b[16:])
	if binary.LittleEndian.Uint64(b) != headMagic || length > maxPlace || binary.LittleEndian.Uint32(b[20:]) != entrySum(b[:20], b[headFixed:]) {
		return head{}, errNoHead
	}
	return head{binary.LittleEndian.Uint64(b[8:]), string(b[headFixed : headFixed+length])}, nil
}
