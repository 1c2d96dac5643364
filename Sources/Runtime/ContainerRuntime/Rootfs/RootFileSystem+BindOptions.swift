// SPDX-License-Identifier: Apache-2.0
// What the options of a bind mount do to the attributes that its source has: as runc has it, which is mount(8) with its gaps closed.
import Glibc
import Linux
import OCI

extension RootFileSystem {
    /// Attributes and propagation before the mount can be seen. Without a word about propagation a bind is private.
    func apply(_ options: MountOptions, to tree: borrowing DetachedMount) throws {
        let propagation = options.propagation == 0 ? Propagation.private : options.propagation
        let deep = options.propagation == 0 ? true : options.recursivePropagation
        try tree.change(propagation: propagation, recursive: deep)
        if !options.set.isEmpty || !options.clear.isEmpty { try replaceAttributes(of: tree, options) }
        try tree.change(set: options.recursiveSet, clear: options.recursiveClear, recursive: true)
    }

    /// With any option given the mount gets those that are given and no others; access times stay as they are unless one of
    /// their kinds is asked for.
    private func replaceAttributes(of tree: borrowing DetachedMount, _ options: MountOptions) throws {
        let times = MountAttributes.atimeField.union(.nodiratime)
        let asksForTimes = !options.set.isDisjoint(with: times) || options.clear.isSuperset(of: .atimeField)
        var set = options.set
        if plan.linux.namespace(.user) != nil { set.formUnion(try locked(tree, options, asksForTimes: asksForTimes)) }
        var clear = MountAttributes.switches.subtracting(set)
        if asksForTimes { clear.formUnion(times.subtracting(set)) }
        try tree.change(set: set, clear: clear)
    }

    /// What a container with users of its own cannot take off a mount of the host: user_namespaces(7). Here the runtime has
    /// opened the source with the host's rights, so the rule is kept by hand.
    private func locked(
        _ tree: borrowing DetachedMount, _ options: MountOptions, asksForTimes: Bool
    ) throws -> MountAttributes {
        let present = try tree.attributes()
        let lockable: MountAttributes = [.readonly, .nosuid, .nodev, .noexec]
        let times = MountAttributes.atimeField.union(.nodiratime)
        let refused = asksForTimes ? options.set.intersection(times) != present.intersection(times) : false
        guard present.isDisjoint(with: options.clear.intersection(lockable)), !refused else {
            throw RuntimeError(.invalid, "cannot clear locked flags: \(Errno.message(EPERM))")
        }
        return present.intersection(lockable)
    }
}
