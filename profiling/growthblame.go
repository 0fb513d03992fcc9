package profiling

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/google/pprof/profile"
)

// StandardLibrary is the function that is blamed where a stack has no other.
const StandardLibrary = "the standard library or the runtime"

// routeLabel is the pprof label that names what a goroutine serves.
const routeLabel = "route"

// blame adds up samples by who is to blame for them.
type blame struct {
	module string
	sums   map[blamed]*sum
}

// blamed is a row of the table.
type blamed struct {
	function string
	own      bool
	route    string
}

// figures are those of a place, a row or a sample.
type figures struct{ bytes, objects, goroutines int64 }

func (f *figures) add(o figures) {
	f.bytes += o.bytes
	f.objects += o.objects
	f.goroutines += o.goroutines
}

// sum is what was added up for a row, and for each of its lines.
type sum struct {
	figures
	lines map[line]*figures
}

type line struct {
	file   string
	number int
}

// heap adds what is in use of a heap profile, times sign.
func (b *blame) heap(data []byte, sign int64) error {
	p, err := profile.Parse(bytes.NewReader(data))
	if err != nil {
		return err
	}
	space, objects := index(p, "inuse_space"), index(p, "inuse_objects")
	if space < 0 || objects < 0 {
		return fmt.Errorf("it has neither inuse_space nor inuse_objects: %v", p.SampleType)
	}
	for _, s := range p.Sample {
		if !writes(s) {
			b.add(s, figures{bytes: sign * s.Value[space], objects: sign * s.Value[objects]})
		}
	}
	return nil
}

// goroutines adds a goroutine profile, times sign.
func (b *blame) goroutines(data []byte, sign int64) error {
	p, err := profile.Parse(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if len(p.SampleType) != 1 {
		return fmt.Errorf("it is no goroutine profile: %v", p.SampleType)
	}
	for _, s := range p.Sample {
		if !writes(s) {
			b.add(s, figures{goroutines: sign * s.Value[0]})
		}
	}
	return nil
}

func index(p *profile.Profile, name string) int {
	for i, t := range p.SampleType {
		if t.Type == name {
			return i
		}
	}
	return -1
}

// writes tells what belongs to the writing of a profile: a goroutine, and a megabyte or two for its compression, which may have
// been there when one profile was taken and not at the other. It says nothing of the process, so it is left out.
func writes(s *profile.Sample) bool {
	for f := range frames(s) {
		if strings.HasPrefix(f.Function.Name, "runtime/pprof.(*Profile).WriteTo") {
			return true
		}
	}
	return false
}

// frames yields a stack, the innermost call first.
func frames(s *profile.Sample) func(yield func(profile.Line) bool) {
	return func(yield func(profile.Line) bool) {
		for _, location := range s.Location {
			for _, l := range location.Line { // those before the last were inlined into it
				if l.Function != nil && !yield(l) {
					return
				}
			}
		}
	}
}

func (b *blame) add(s *profile.Sample, f figures) {
	if f == (figures{}) {
		return
	}
	key, at := b.who(s)
	row := b.sums[key]
	if row == nil {
		row = &sum{lines: map[line]*figures{}}
		b.sums[key] = row
	}
	row.add(f)
	if row.lines[at] == nil {
		row.lines[at] = &figures{}
	}
	row.lines[at].add(f)
}

// who finds whom to blame for a sample, and the line.
func (b *blame) who(s *profile.Sample) (blamed, line) {
	who, at := blamed{function: StandardLibrary}, line{}
	for f := range frames(s) {
		if b.isOwn(f.Function.Name) {
			return blamed{function: f.Function.Name, own: true}, line{f.Function.Filename, int(f.Line)}
		}
		if who.function == StandardLibrary && !isStandard(f.Function.Name) {
			who.function, at = f.Function.Name, line{f.Function.Filename, int(f.Line)}
		}
	}
	if labels := s.Label[routeLabel]; len(labels) > 0 {
		who.route = labels[0]
	}
	return who, at
}

// isOwn tells functions of the module. The linker calls every program's main package "main".
func (b *blame) isOwn(function string) bool {
	rest, ok := strings.CutPrefix(function, b.module)
	inside := strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "_test.")
	return ok && inside || strings.HasPrefix(function, "main.")
}

// isStandard tells functions of the standard library: the first part of their import path is no host's name.
func isStandard(function string) bool {
	function, _, _ = strings.Cut(function, "[") // type arguments have paths of their own
	host, _, isPath := strings.Cut(function, "/")
	return !isPath || !strings.Contains(host, ".")
}

// rows are those that changed, in no order.
func (b *blame) rows() []Growth {
	var rows []Growth
	for key, sum := range b.sums {
		if sum.figures == (figures{}) {
			continue
		}
		at := sum.most()
		rows = append(rows, Growth{
			Function: key.function, File: at.file, Line: at.number, Own: key.own, Route: key.route,
			Bytes: sum.bytes, Objects: sum.objects, Goroutines: sum.goroutines,
		})
	}
	return rows
}

// most is the line that grew most.
func (s *sum) most() (best line) {
	var most *figures
	for at, f := range s.lines {
		if most == nil || f.more(*most) || *f == *most && (at.file < best.file || at.file == best.file && at.number < best.number) {
			best, most = at, f
		}
	}
	return best
}

func (f figures) more(o figures) bool {
	if f.bytes != o.bytes {
		return f.bytes > o.bytes
	}
	if f.goroutines != o.goroutines {
		return f.goroutines > o.goroutines
	}
	return f.objects > o.objects
}
