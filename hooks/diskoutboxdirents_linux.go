package hooks

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// eachName calls each for every name in a folder that was just opened, in the
// order of the file system. The name is valid until each returns. Unlike
// os.File.Readdirnames it makes no garbage, which a million names would be.
func eachName(dir *os.File, each func(name []byte)) error {
	// struct linux_dirent64 in getdents64(2): inode and offset of 8 bytes each, the
	// record's length of 2, a type of 1, the name and a zero.
	const lengthAt, nameAt = 16, 19
	buffer := make([]byte, 64<<10)
	for {
		var n int
		err := uninterrupted(func() (err error) {
			n, err = unix.Getdents(int(dir.Fd()), buffer)
			return err
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		for rest := buffer[:n]; len(rest) > 0; {
			if len(rest) < nameAt {
				return errors.New("the kernel's list of names is cut")
			}
			length := int(binary.NativeEndian.Uint16(rest[lengthAt:]))
			if length < nameAt || length > len(rest) {
				return errors.New("the kernel's list of names is broken")
			}
			name, _, _ := bytes.Cut(rest[nameAt:length], []byte{0})
			if s := string(name); s != "." && s != ".." {
				each(name)
			}
			rest = rest[length:]
		}
	}
}
