package policy

// Question is what an upload that is about to be created is said to be. Its JSON is what
// the other side reads.
type Question struct {
	Owner    string            `json:"owner"` // empty: nobody's
	Admin    bool              `json:"admin,omitempty"`
	Metadata map[string]string `json:"metadata"`
	Size     *int64            `json:"size,omitempty"` // in bytes; nil: not known yet
	Partial  bool              `json:"partial"`        // it is to become part of a concatenation
	Final    bool              `json:"final"`          // it is the concatenation
	Parts    int               `json:"parts,omitempty"`
	Form     bool              `json:"form"`   // it is a file of a form
	Client   string            `json:"client"` // address
	// Asker stands for whoever's turn it takes, of which all questions with the same Asker
	// have a quarter at most. The other side doesn't hear of it.
	Asker uint64 `json:"-"`
}
