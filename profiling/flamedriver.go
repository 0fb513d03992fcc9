package profiling

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/google/pprof/driver"
	"github.com/google/pprof/profile"
)

// driverLock is held while pprof's driver reads a profile: it writes to variables of its own package, of which a process has
// one set. What it returns may serve in parallel.
var driverLock sync.Mutex

// web returns the pages that go tool pprof has of a profile, by their paths. With a base, they show the difference: red is
// what grew, green what shrank. No tool is run, no file opened, no address asked: Go's profiles carry their names.
func web(now, base []byte) (map[string]http.Handler, error) {
	sources := sources{}
	for name, data := range map[string][]byte{"now": now, "base": base} {
		if data == nil {
			continue
		}
		p, err := profile.Parse(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("reading the profile: %w", err)
		}
		sources[name] = p
	}
	// No flag here may set how a page looks: the driver keeps such settings for the profiles after this one. Addresses can
	// (?si=), each for itself. A port stops the driver from looking for a free one.
	args := []string{"-symbolize=none", "-http=localhost:1", "-no_browser", "now"}
	if base != nil {
		args = append([]string{"-diff_base=base"}, args...)
	}
	var pages map[string]http.Handler
	driverLock.Lock()
	defer driverLock.Unlock()
	err := driver.PProf(&driver.Options{
		Flagset: newFlags(args), Fetch: sources, Sym: symbols{}, Obj: objects{}, UI: quiet{},
		HTTPServer: func(a *driver.HTTPServerArgs) error {
			pages = a.Handlers
			return nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("making pages of the profile: %w", err)
	}
	return pages, nil
}

// giveConfigFolder names a folder that does not exist where the environment names none, as under systemd or in an empty
// container: pprof's driver refuses to work without a place for its settings, though it is never asked to save any, and the
// environment is the only way to tell it. It is set when a Handler is made, and no later, so that what runs beside it sees one
// environment and not two.
func giveConfigFolder() {
	if os.Getenv("XDG_CONFIG_HOME") == "" && os.Getenv("HOME") == "" {
		_ = os.Setenv("XDG_CONFIG_HOME", "/nonexistent") // what fails then says so itself
	}
}

// sources gives the driver its profiles by name.
type sources map[string]*profile.Profile

func (s sources) Fetch(name string, _, _ time.Duration) (*profile.Profile, string, error) {
	p := s[name]
	if p == nil {
		return nil, "", errors.New("there is no profile " + name)
	}
	return p, "", nil // without an address the driver takes it for a local one, and saves no copy
}

// flags are the driver's arguments.
type flags struct {
	*flag.FlagSet
	args []string
}

func newFlags(args []string) flags {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	return flags{set, args}
}

func (f flags) StringList(name, _, usage string) *[]*string {
	list := &[]*string{}
	f.Func(name, usage, func(value string) error {
		*list = append(*list, &value)
		return nil
	})
	return list
}

func (f flags) ExtraUsage() string { return "" }

func (f flags) AddExtraUsage(string) {}

func (f flags) Parse(func()) []string {
	if err := f.FlagSet.Parse(f.args); err != nil {
		return nil // which the driver takes for a mistake
	}
	return f.Args()
}

// symbols leaves a profile as it is.
type symbols struct{}

func (symbols) Symbolize(string, driver.MappingSources, *profile.Profile) error { return nil }

// objects opens no file.
type objects struct{}

var errNoObjects = errors.New("no file is opened here")

func (objects) Open(string, uint64, uint64, uint64, string) (driver.ObjFile, error) {
	return nil, errNoObjects
}

func (objects) Disasm(string, uint64, uint64, bool) ([]driver.Inst, error) { return nil, errNoObjects }

// quiet says nothing: what went wrong is on the page.
type quiet struct{}

func (quiet) ReadLine(string) (string, error)       { return "", io.EOF }
func (quiet) Print(...any)                          {}
func (quiet) PrintErr(...any)                       {}
func (quiet) IsTerminal() bool                      { return false }
func (quiet) WantBrowser() bool                     { return false }
func (quiet) SetAutoComplete(_ func(string) string) {}
