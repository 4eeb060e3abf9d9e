/// The files of `Schemas/` that validation executes, as parts of the program.
enum EmbeddedFiles {
  /// By rising speciality: what a file is first of all comes first.
  static let layouts: [[UInt8]] = [
    PackageResources.modelctl_checkpoint_1_0_json, PackageResources.keras_legacy_h5_json,
    PackageResources.keras3_weights_h5_json,
  ]

  /// By their path inside `Schemas/`.
  static let schemas: [String: [UInt8]] = [
    "json/training.schema.json": PackageResources.training_schema_json,
    "json/manifest.schema.json": PackageResources.manifest_schema_json,
    "json/provenance-record.schema.json": PackageResources.provenance_record_schema_json,
  ]
}
