// SPDX-License-Identifier: Apache-2.0
// The filters of `docker images` and of pruning.
import DockerAPI
import OCI
import Primitives
import Storage

/// Values of one key are alternatives (labels excepted), keys must all match.
struct ImageFilter {
    private let filters: Filters
    private let dangling: Bool?
    private let before: Timestamp?
    private let since: Timestamp?
    private let until: Timestamp?

    init(_ filters: Filters, service: ImageService) async throws {
        self.filters = filters
        dangling = try filters.bool("dangling")
        until = try filters["until"]?.first.map { text throws(EngineError) in try TimeFilter.parse(text) }
        var limits: [String: Timestamp] = [:]
        for key in ["before", "since"] {
            guard let name = filters[key]?.first else { continue }
            limits[key] = ImageService.created(try await service.find(name))
        }
        before = limits["before"]
        since = limits["since"]
    }

    func accepts(_ image: StoredImage) -> Bool {
        let created = ImageService.created(image)
        if let dangling, dangling != image.tags.isEmpty { return false }
        if let before, !(created < before) { return false }
        if let since, !(since < created) { return false }
        if let until, created > until { return false }
        let labels = ImageService.labels(image) ?? [:]
        if !filters.matchesLabels(labels) { return false }
        if filters["label!"] != nil, filters.matchesLabels(labels, key: "label!") { return false }
        if let patterns = filters["reference"] {
            let names = (image.tags + image.digests).flatMap { [$0.familiar, $0.familiarName, $0.description] }
            if !patterns.contains(where: { pattern in names.contains { Glob.matches(pattern, $0) } }) { return false }
        }
        return true
    }
}
