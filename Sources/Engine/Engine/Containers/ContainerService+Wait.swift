// SPDX-License-Identifier: Apache-2.0
// Waiting for the end of a run, or of the container.
import DockerAPI
import Primitives

extension ContainerService {
    /// Registers at once; the result comes later. Clients need the answer's head before they start the container.
    package func wait(_ reference: String, condition: WaitCondition) async throws -> PendingWait {
        let container = try registry.find(reference)
        switch condition {
        case .removed: return Self.pending(container.removals.register())
        case .nextExit: return Self.pending(container.exits.register())
        case .notRunning:
            let exits = container.exits.register()
            let record = container.record
            if record.state.isAlive || record.state.isRestarting { return Self.pending(exits) }
            let answer = Self.answer(record)
            return PendingWait { answer }
        }
    }

    static func answer(_ record: ContainerRecord) -> ContainerWaitResponse {
        var answer = ContainerWaitResponse()
        answer.statusCode = record.state.exitCode
        if let error = record.state.exit?.error, !error.isEmpty {
            var shown = WaitError()
            shown.message = error
            answer.error = shown
        }
        return answer
    }

    private static func pending(_ stream: AsyncStream<ContainerWaitResponse>) -> PendingWait {
        PendingWait {
            for await answer in stream { return answer }
            throw CancellationError()
        }
    }
}
