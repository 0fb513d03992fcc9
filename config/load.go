package config

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
)

// Sources is where settings come from. The zero value has none, so that everything is at its default.
type Sources struct {
	Args     []string // without the program's and the sub-command's name
	Environ  []string // NAME=value, as os.Environ returns it
	ReadFile func(name string) ([]byte, error)
	// ReadFile reads the configuration file, the files of secrets, and those of TLS; nil: os.ReadFile.
}

// Loaded is a configuration that can be used, and what there is to say about it.
type Loaded struct {
	Config   Config
	Warnings []string // a sentence each; nothing that keeps the server from starting

	origins map[string]string
}

// Origin says where the setting of that name was given: "default", "flag", "environment PLATEAU_LISTEN" or
// "file ./plateau.yaml". A secret that came from a file of its own has the name of that setting in it.
func (l Loaded) Origin(name string) string { return cmp.Or(l.origins[name], originDefault) }

const (
	originDefault = "default"
	originFlag    = "flag"
)

// layer is one source after reading: the text of each name that it gives, not yet understood.
type layer struct {
	texts  map[string]string
	origin func(name string) string
}

// Load reads all sources and returns the effective configuration, or a [*Mistakes] with everything that is wrong.
// Its error is [flag.ErrHelp] when the arguments ask for help; then nothing was read.
func Load(src Sources) (Loaded, error) {
	if src.ReadFile == nil {
		src.ReadFile = os.ReadFile
	}
	var m Mistakes
	flags, err := parseArgs(src.Args, &m)
	if err != nil {
		return Loaded{}, err
	}
	environ, warnings := parseEnviron(src.Environ)
	layers := []layer{flags, environ}
	path, given := flags.texts[configName]
	origin := originFlag
	if !given {
		path, origin = environ.texts[configName], environ.origin(configName)
	}
	if path != "" {
		layers = append(layers, readFile(path, origin, src.ReadFile, &m))
	}

	l := Loaded{Config: Default(), Warnings: warnings, origins: map[string]string{}}
	for _, s := range settings() {
		text, origin, found := resolve(s, layers, src.ReadFile, &m)
		if !found {
			continue
		}
		l.origins[s.name] = origin
		if err := s.value.set(&l.Config, text); err != nil {
			m.add(s.mistake(text, origin, err))
		}
	}
	for _, c := range contradictions(presume(l.Config, &m)) {
		c.Origin = l.origins[c.Setting]
		m.add(c)
	}
	if l.Config.Auth == "none" && l.origins["auth"] == "" && !isLoopback(l.Config.Listen) {
		m.add(Mistake{
			Setting: "listen", Given: l.Config.Listen, Origin: l.origins["listen"],
			Problem: "is not a loopback address, so anyone who can connect could upload; set --auth none explicitly if that is " +
				"meant, else --auth token or jwt",
		})
	}
	checkTLS(l, src.ReadFile, &m)
	checkCA(l, src.ReadFile, &m)
	checkTokens(l, src.ReadFile, &m)
	l.Warnings = append(l.Warnings, accessWarnings(l.Config)...)
	if l.Config.KafkaSASL == "plain" && !l.Config.KafkaTLS {
		l.Warnings = append(l.Warnings, "kafka-sasl plain without kafka-tls sends the password as it is; scram-sha-512 or kafka-tls hides it")
	}
	if err := m.orNil(); err != nil {
		return Loaded{}, err
	}
	return l, nil
}

// resolve finds the text of a setting in the first layer that gives it, in either form if it is a secret. A secret that
// cannot be had counts as found nowhere; the mistake is noted.
func resolve(s setting, layers []layer, readFile func(string) ([]byte, error), m *Mistakes) (text, origin string, found bool) {
	for _, l := range layers {
		text, direct := l.texts[s.name]
		if !s.secret {
			if direct {
				return text, l.origin(s.name), true
			}
			continue
		}
		fileName := s.name + fileSuffix
		path, inFile := l.texts[fileName]
		switch {
		case direct && inFile:
			m.add(Mistake{
				Setting: s.name, Origin: l.origin(s.name),
				Problem: "is given together with " + fileName + "; give one of them",
			})
			return "", "", false
		case direct:
			return text, l.origin(s.name), true
		case inFile:
			origin := l.origin(fileName)
			secret, err := readSecret(path, readFile)
			if err != nil {
				m.add(Mistake{Setting: fileName, Given: path, Origin: origin, Problem: err.Error()})
				return "", "", false
			}
			if origin == originFlag {
				origin += " --" + fileName
			} else if !strings.Contains(origin, envName(fileName)) {
				origin += ", " + fileName
			}
			return secret, origin, true
		}
	}
	return "", "", false
}

// readSecret returns what a file holds, without the newline that editors and echo put at its end.
func readSecret(path string, readFile func(string) ([]byte, error)) (string, error) {
	data, err := readFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if secret == "" {
		return "", fmt.Errorf("must be a file that holds the secret, but it is empty")
	}
	return secret, nil
}

// checkTLS reads certificate and key, so that a wrong path or pair is heard of with all other mistakes.
func checkTLS(l Loaded, readFile func(string) ([]byte, error), m *Mistakes) {
	c := l.Config
	pems := map[string][]byte{}
	for _, f := range []struct{ name, path string }{{"tls-cert", c.TLSCert}, {"tls-key", c.TLSKey}} {
		if f.path == "" {
			continue
		}
		data, err := readFile(f.path)
		if err != nil {
			m.add(Mistake{Setting: f.name, Given: f.path, Origin: l.origins[f.name], Problem: "cannot be read: " + err.Error()})
			continue
		}
		pems[f.name] = data
	}
	if len(pems) < 2 {
		return
	}
	if _, err := tls.X509KeyPair(pems["tls-cert"], pems["tls-key"]); err != nil {
		m.add(Mistake{
			Setting: "tls-cert", Given: c.TLSCert, Origin: l.origins["tls-cert"],
			Problem: "must be a PEM certificate that belongs to tls-key: " + err.Error(),
		})
	}
}

// checkCA reads the certificates for the brokers, for the same reason.
func checkCA(l Loaded, readFile func(string) ([]byte, error), m *Mistakes) {
	path, problem := l.Config.KafkaTLSCA, ""
	if path == "" {
		return
	}
	if data, err := readFile(path); err != nil {
		problem = "cannot be read: " + err.Error()
	} else if !x509.NewCertPool().AppendCertsFromPEM(data) {
		problem = "must be a file with certificates in PEM"
	}
	if problem != "" {
		m.add(Mistake{Setting: "kafka-tls-ca", Given: path, Origin: l.origins["kafka-tls-ca"], Problem: problem})
	}
}

// checkTokens sees whether the file of owners and tokens is there. What its lines mean, package server/access knows.
func checkTokens(l Loaded, readFile func(string) ([]byte, error), m *Mistakes) {
	path := l.Config.AuthTokensFile
	if path == "" {
		return
	}
	if _, err := readFile(path); err != nil {
		m.add(Mistake{
			Setting: "auth-tokens-file", Given: path, Origin: l.origins["auth-tokens-file"], Problem: "cannot be read: " + err.Error(),
		})
	}
}
