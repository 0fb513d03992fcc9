package profiling

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// saved is a capture's file that is there.
type saved struct {
	name string
	kind string // its cause and its part
	size int64
}

// kindOf is the kind of a capture's file; empty: it is none.
func kindOf(name string) string {
	if m := captureName.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return ""
}

// remember keeps the name if it is the first of its kind.
func (f *Folder) remember(name string) {
	if kind := kindOf(name); f.firsts[kind] == "" {
		f.firsts[kind] = name
	}
}

// makeRoom removes what an earlier process left half written, and captures until so much more may come.
func (f *Folder) makeRoom(root *os.Root, files int, size int64) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	var all []saved
	var errs []error
	for _, e := range entries {
		if name, half := strings.CutSuffix(e.Name(), temporary); half && e.Type().IsRegular() && kindOf(name) != "" {
			errs = append(errs, remove(root, e.Name()))
			continue
		}
		kind := kindOf(e.Name())
		if !e.Type().IsRegular() || kind == "" {
			continue
		}
		if stat, err := e.Info(); err == nil { // else it has gone meanwhile
			all = append(all, saved{e.Name(), kind, stat.Size()})
			size += stat.Size()
		}
	}
	slices.SortFunc(all, func(a, b saved) int { return strings.Compare(a.name, b.name) }) // names begin with the time
	maps.DeleteFunc(f.firsts, func(_, first string) bool {
		return !slices.ContainsFunc(all, func(s saved) bool { return s.name == first }) // somebody has removed it
	})
	for len(all) > 0 && (len(all)+files > f.opts.Files || size > f.opts.Bytes) {
		i := f.expendable(all, len(all)+files > f.opts.Files)
		gone := all[i]
		errs = append(errs, remove(root, gone.name))
		if f.firsts[gone.kind] == gone.name {
			delete(f.firsts, gone.kind)
		}
		size -= gone.size
		all = slices.Delete(all, i, i+1)
	}
	return errors.Join(errs...)
}

// expendable picks the file that goes: of the kind that has most files, or most bytes, the oldest that is not the first. If all
// are, it is the oldest.
func (f *Folder) expendable(all []saved, byFiles bool) int {
	shares := make(map[string]int64)
	for _, s := range all {
		if f.firsts[s.kind] == s.name {
			continue
		}
		if byFiles {
			shares[s.kind]++
		} else {
			shares[s.kind] += s.size
		}
	}
	best, most := 0, int64(-1)
	for i, s := range all {
		if f.firsts[s.kind] != s.name && shares[s.kind] > most {
			best, most = i, shares[s.kind]
		}
	}
	return best
}

func remove(root *os.Root, name string) error {
	if err := root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
