extension Checkpoint {
  /// What layers of a `.keras` file keep beside its weights, such as a vocabulary that a layer has
  /// learned; no other flavour has a place for it.
  public var assets: [String] { archive?.assets ?? [] }

  /// The digest of each of the assets' bytes.
  public func assetDigests(checkInterruption: () throws -> Void) throws -> [String: String] {
    guard let archive else { return [:] }
    return try CheckpointError.naming(path) {
      var digests: [String: String] = [:]
      for name in archive.assets {
        digests[name] = try archive.digest(of: name, checkInterruption)
      }
      return digests
    }
  }
}
