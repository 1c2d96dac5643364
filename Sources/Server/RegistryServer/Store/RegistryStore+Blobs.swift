// SPDX-License-Identifier: Apache-2.0
// Blobs of a repository: finish an upload, mount from elsewhere, open, forget.
import Glibc
import Linux
import Primitives

extension RegistryStore {
    func openBlob(_ repository: RepositoryName, _ digest: Digest) throws -> OpenBlob? {
        // A manifest is content like any other, and some clients fetch it as a blob.
        try openLink(repository.blob(digest)) ?? openLink(repository.manifest(digest))
    }

    /// Takes over a finished and verified file.
    func addBlob(_ repository: RepositoryName, _ digest: Digest, file: String) throws {
        try folder.adding { try place(file, as: digest, link: repository.blob(digest)) }
    }

    /// Gives a repository a blob that another one has. False when that has none.
    func mountBlob(_ repository: RepositoryName, _ digest: Digest, from source: RepositoryName) throws -> Bool {
        try folder.adding {
            let path = source.blob(digest)
            guard try folder.find(path) != nil else { return false }
            try folder.touch(path)
            try addLink(path, repository.blob(digest))
            return true
        }
    }

    /// The first repository that has the blob and satisfies `isAllowed`.
    func holder(of digest: Digest, where isAllowed: (RepositoryName) -> Bool) throws -> RepositoryName? {
        guard let entry = try folder.find(Self.content(digest)), entry.links > 1 else { return nil }
        return try repositoryFolders().first { try folder.find($0.blob(digest)) != nil && isAllowed($0) }
    }

    /// False when the repository has no such blob.
    func removeBlob(_ repository: RepositoryName, _ digest: Digest) throws -> Bool {
        try folder.removing { try folder.remove(repository.blob(digest)) }
    }
}
