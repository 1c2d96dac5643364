// SPDX-License-Identifier: Apache-2.0
// Undo steps of a multi-step operation: played backwards on failure, forgotten on success.

/// Collects what has to be undone if a later step fails.
package final class Rollback {
    private var steps: [() async -> Void] = []

    /// Registers the undo of the step that has just succeeded.
    package func onFailure(_ undo: @escaping () async -> Void) { steps.append(undo) }

    fileprivate func play(isolation: isolated (any Actor)? = #isolation) async {
        while let step = steps.popLast() { await step() }
    }
}

/// Runs `body`; when it throws, the registered undo steps run last first, and the error goes on.
package func withRollback<T>(
    isolation: isolated (any Actor)? = #isolation, _ body: (Rollback) async throws -> T
) async throws -> T {
    let rollback = Rollback()
    do {
        return try await body(rollback)
    } catch {
        await rollback.play()
        throw error
    }
}
