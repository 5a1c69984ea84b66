// Package folder makes names durable. A file that was synced is on disk, but the entry by which it is found belongs to
// its folder, and that has to be synced too.
package folder
