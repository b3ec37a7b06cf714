<?xml version='1.0' encoding='utf-8'?>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>AboutDialog</name>
    <message>
        <source>About Indicium</source>
        <translation>About Indicium</translation>
    </message>
    <message>
        <source>Indicium</source>
        <translation>Indicium</translation>
    </message>
    <message>
        <source>Model packs</source>
        <translation>Model packs</translation>
    </message>
    <message>
        <source>Licences</source>
        <translation>Licences</translation>
    </message>
    <message>
        <source>Finds photos by example and shows why they match.</source>
        <translation>Finds photos by example and shows why they match.</translation>
    </message>
    <message>
        <source>Photos are opened for reading only. Nothing is sent anywhere: the program never uses the network.</source>
        <translation>Photos are opened for reading only. Nothing is sent anywhere: the program never uses the network.</translation>
    </message>
    <message>
        <source>Log file: {0}</source>
        <translation>Log file: {0}</translation>
    </message>
    <message>
        <source>none</source>
        <translation>none</translation>
    </message>
    <message>
        <source>Copy details</source>
        <translation>Copy details</translation>
    </message>
</context>
<context>
    <name>Banner</name>
    <message>
        <source>Copy details</source>
        <translation>Copy details</translation>
    </message>
    <message>
        <source>Dismiss this message</source>
        <translation>Dismiss this message</translation>
    </message>
</context>
<context>
    <name>ContentsStep</name>
    <message>
        <source>BY KIND</source>
        <translation>BY KIND</translation>
    </message>
    <message>
        <source>BY YEAR</source>
        <translation>BY YEAR</translation>
    </message>
    <message>
        <source>LEFT OUT</source>
        <translation>LEFT OUT</translation>
    </message>
    <message>
        <source>Looking through the folders…</source>
        <translation>Looking through the folders…</translation>
    </message>
    <message>
        <source>This only reads names and sizes; nothing is written.</source>
        <translation>This only reads names and sizes; nothing is written.</translation>
    </message>
    <message>
        <source>Photos by kind</source>
        <translation>Photos by kind</translation>
    </message>
    <message>
        <source>Photos by year</source>
        <translation>Photos by year</translation>
    </message>
    <message>
        <source>Find small things in photos</source>
        <translation>Find small things in photos</translation>
    </message>
    <message>
        <source>A cup on a table is found too. Indexing takes about {0} times longer</source>
        <translation>A cup on a table is found too. Indexing takes about {0} times longer</translation>
    </message>
    <message>
        <source>, and the library {0} larger</source>
        <translation>, and the library {0} larger</translation>
    </message>
</context>
<context>
    <name>DeviceReasons</name>
    <message>
        <source>Devices and the reason for each</source>
        <translation>Devices and the reason for each</translation>
    </message>
    <message>
        <source>Computes on: {0}</source>
        <translation>Computes on: {0}</translation>
    </message>
    <message>
        <source>Model pack: {0}</source>
        <translation>Model pack: {0}</translation>
    </message>
</context>
<context>
    <name>DuplicatesDialog</name>
    <message>
        <source>Duplicates</source>
        <translation>Duplicates</translation>
    </message>
    <message>
        <source>What counts as a duplicate</source>
        <translation>What counts as a duplicate</translation>
    </message>
    <message>
        <source>Which photo of a group to keep</source>
        <translation>Which photo of a group to keep</translation>
    </message>
    <message>
        <source>Find duplicates</source>
        <translation>Find duplicates</translation>
    </message>
    <message>
        <source>Show them in the library</source>
        <translation>Show them in the library</translation>
    </message>
    <message>
        <source>Photo</source>
        <translation>Photo</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Size</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Folder</translation>
    </message>
    <message>
        <source>Groups of photos that are one picture</source>
        <translation>Groups of photos that are one picture</translation>
    </message>
    <message>
        <source>This is a list only: no photo is moved or deleted.</source>
        <translation>This is a list only: no photo is moved or deleted.</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Close</translation>
    </message>
    <message>
        <source>identical files</source>
        <translation>identical files</translation>
    </message>
    <message>
        <source>edited copies</source>
        <translation>edited copies</translation>
    </message>
</context>
<context>
    <name>FilterRow</name>
    <message>
        <source>Names, folders, tags …</source>
        <translation>Names, folders, tags …</translation>
    </message>
    <message>
        <source>Only photos with these words in their name, folder, tags or data</source>
        <translation>Only photos with these words in their name, folder, tags or data</translation>
    </message>
    <message>
        <source>Beginnings of words; "words in a row"; -word leaves photos out</source>
        <translation>Beginnings of words; "words in a row"; -word leaves photos out</translation>
    </message>
    <message>
        <source>Clear the words</source>
        <translation>Clear the words</translation>
    </message>
    <message>
        <source>Clear filters</source>
        <translation>Clear filters</translation>
    </message>
    <message>
        <source>Among {0} selected</source>
        <translation>Among {0} selected</translation>
    </message>
</context>
<context>
    <name>FoldersStep</name>
    <message>
        <source>Drop folders here, or anywhere on the window</source>
        <translation>Drop folders here, or anywhere on the window</translation>
    </message>
    <message>
        <source>Choose a folder…</source>
        <translation>Choose a folder…</translation>
    </message>
    <message>
        <source>CHOSEN</source>
        <translation>CHOSEN</translation>
    </message>
    <message>
        <source>COMMON PLACES</source>
        <translation>COMMON PLACES</translation>
    </message>
    <message>
        <source>Choose a folder of photos</source>
        <translation>Choose a folder of photos</translation>
    </message>
    <message>
        <source>Take {0} off the list</source>
        <translation>Take {0} off the list</translation>
    </message>
    <message>
        <source>counting…</source>
        <translation>counting…</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>Add</translation>
    </message>
    <message>
        <source>Add {0}</source>
        <translation>Add {0}</translation>
    </message>
</context>
<context>
    <name>HowStep</name>
    <message>
        <source>Low priority: other programs come first</source>
        <translation>Low priority: other programs come first</translation>
    </message>
    <message>
        <source>Trying it out for three seconds…</source>
        <translation>Trying it out for three seconds…</translation>
    </message>
    <message>
        <source>A few of your photos show how fast this computer is.</source>
        <translation>A few of your photos show how fast this computer is.</translation>
    </message>
    <message>
        <source>This takes {0}</source>
        <translation>This takes {0}</translation>
    </message>
    <message>
        <source>There is nothing to try it out with</source>
        <translation>There is nothing to try it out with</translation>
    </message>
    <message>
        <source>Measured just now with {0} of your photos: {1}. You can search from the first minute on.</source>
        <translation>Measured just now with {0} of your photos: {1}. You can search from the first minute on.</translation>
    </message>
    <message>
        <source>Computes on: {0}</source>
        <translation>Computes on: {0}</translation>
    </message>
    <message>
        <source>Model pack: {0}</source>
        <translation>Model pack: {0}</translation>
    </message>
</context>
<context>
    <name>KindButton</name>
    <message>
        <source>everything</source>
        <translation>everything</translation>
    </message>
    <message>
        <source>{0}: {1}</source>
        <translation>{0}: {1}</translation>
    </message>
    <message>
        <source>Any {0}</source>
        <translation>Any {0}</translation>
    </message>
</context>
<context>
    <name>LibraryPage</name>
    <message>
        <source>Photos of the library</source>
        <translation>Photos of the library</translation>
    </message>
    <message>
        <source>Sort photos by</source>
        <translation>Sort photos by</translation>
    </message>
    <message>
        <source>Reverse the order</source>
        <translation>Reverse the order</translation>
    </message>
    <message>
        <source>Size of pictures</source>
        <translation>Size of pictures</translation>
    </message>
    <message>
        <source>Size of pictures (Ctrl+plus, Ctrl+minus)</source>
        <translation>Size of pictures (Ctrl+plus, Ctrl+minus)</translation>
    </message>
    <message>
        <source>Only the selected</source>
        <translation>Only the selected</translation>
    </message>
    <message>
        <source>Show the selected photos only, and search among them</source>
        <translation>Show the selected photos only, and search among them</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Size</translation>
    </message>
    <message>
        <source>Sort by</source>
        <translation>Sort by</translation>
    </message>
    <message>
        <source>Find photos like this one</source>
        <translation>Find photos like this one</translation>
    </message>
    <message>
        <source>Look at the photo large</source>
        <translation>Look at the photo large</translation>
    </message>
    <message>
        <source>Larger pictures</source>
        <translation>Larger pictures</translation>
    </message>
    <message>
        <source>Smaller pictures</source>
        <translation>Smaller pictures</translation>
    </message>
    <message>
        <source>Newest first</source>
        <translation>Newest first</translation>
    </message>
    <message>
        <source>Oldest first</source>
        <translation>Oldest first</translation>
    </message>
    <message>
        <source>Z to A</source>
        <translation>Z to A</translation>
    </message>
    <message>
        <source>A to Z</source>
        <translation>A to Z</translation>
    </message>
    <message>
        <source>{0}. Reverse the order</source>
        <translation>{0}. Reverse the order</translation>
    </message>
    <message>
        <source>{0} of {1} photos</source>
        <translation>{0} of {1} photos</translation>
    </message>
    <message>
        <source>No library is open</source>
        <translation>No library is open</translation>
    </message>
    <message>
        <source>A library remembers which folders you added and what is in their photos.</source>
        <translation>A library remembers which folders you added and what is in their photos.</translation>
    </message>
    <message>
        <source>Open a library</source>
        <translation>Open a library</translation>
    </message>
    <message>
        <source>Opening your photos</source>
        <translation>Opening your photos</translation>
    </message>
    <message>
        <source>Your photos will be here</source>
        <translation>Your photos will be here</translation>
    </message>
    <message>
        <source>Add a folder, or drop one anywhere on this window. Photos are only read; nothing is ever moved, changed or sent anywhere.</source>
        <translation>Add a folder, or drop one anywhere on this window. Photos are only read; nothing is ever moved, changed or sent anywhere.</translation>
    </message>
    <message>
        <source>Add a folder of photos</source>
        <translation>Add a folder of photos</translation>
    </message>
    <message>
        <source>The first photos appear in a moment</source>
        <translation>The first photos appear in a moment</translation>
    </message>
    <message>
        <source>You can look around and search while the rest is indexed.</source>
        <translation>You can look around and search while the rest is indexed.</translation>
    </message>
    <message>
        <source>No photo fits these filters</source>
        <translation>No photo fits these filters</translation>
    </message>
    <message>
        <source>Take one of them back in the row above, or all of them.</source>
        <translation>Take one of them back in the row above, or all of them.</translation>
    </message>
    <message>
        <source>Clear filters</source>
        <translation>Clear filters</translation>
    </message>
    <message>
        <source>No photos in this folder</source>
        <translation>No photos in this folder</translation>
    </message>
    <message>
        <source>The folders you chose on the left hold no photos that can be shown.</source>
        <translation>The folders you chose on the left hold no photos that can be shown.</translation>
    </message>
    <message>
        <source>Show all folders</source>
        <translation>Show all folders</translation>
    </message>
    <message>
        <source>No photos were found</source>
        <translation>No photos were found</translation>
    </message>
    <message>
        <source>The folders of this library hold no photos that can be used.</source>
        <translation>The folders of this library hold no photos that can be used.</translation>
    </message>
    <message>
        <source>Add another folder</source>
        <translation>Add another folder</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>Look again</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Choose a photo to search with</source>
        <translation>Choose a photo to search with</translation>
    </message>
    <message>
        <source>dropped picture</source>
        <translation>dropped picture</translation>
    </message>
    <message>
        <source>Everywhere</source>
        <translation>Everywhere</translation>
    </message>
</context>
<context>
    <name>PartButtons</name>
    <message>
        <source>Ask with a part of it</source>
        <translation>Ask with a part of it</translation>
    </message>
    <message>
        <source>Ask with part {0}</source>
        <translation>Ask with part {0}</translation>
    </message>
    <message>
        <source>Ask with this part, {0}</source>
        <translation>Ask with this part, {0}</translation>
    </message>
</context>
<context>
    <name>PlaceActions</name>
    <message>
        <source>Near this photo</source>
        <translation>Near this photo</translation>
    </message>
    <message>
        <source>Within {0} km</source>
        <translation>Within {0} km</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>Settings</translation>
    </message>
    <message>
        <source> Takes effect at the next start.</source>
        <translation> Takes effect at the next start.</translation>
    </message>
</context>
<context>
    <name>ShortcutsDialog</name>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>Keyboard shortcuts</translation>
    </message>
</context>
<context>
    <name>SidePanel</name>
    <message>
        <source>Look for changes in all folders</source>
        <translation>Look for changes in all folders</translation>
    </message>
    <message>
        <source>Folders; select some to see only their photos</source>
        <translation>Folders; select some to see only their photos</translation>
    </message>
    <message>
        <source>Add a folder</source>
        <translation>Add a folder</translation>
    </message>
    <message>
        <source>LIBRARY</source>
        <translation>LIBRARY</translation>
    </message>
    <message>
        <source>FOLDERS</source>
        <translation>FOLDERS</translation>
    </message>
    <message>
        <source>Show only this folder</source>
        <translation>Show only this folder</translation>
    </message>
    <message>
        <source>Remove from library…</source>
        <translation>Remove from library…</translation>
    </message>
    <message>
        <source> (read only)</source>
        <translation> (read only)</translation>
    </message>
    <message>
        <source>Library: {0}. Switch, create or open another</source>
        <translation>Library: {0}. Switch, create or open another</translation>
    </message>
    <message>
        <source>New library…</source>
        <translation>New library…</translation>
    </message>
    <message>
        <source>Open library…</source>
        <translation>Open library…</translation>
    </message>
    <message>
        <source>Find small things in photos</source>
        <translation>Find small things in photos</translation>
    </message>
    <message>
        <source>Indexing takes about {0} times longer</source>
        <translation>Indexing takes about {0} times longer</translation>
    </message>
</context>
<context>
    <name>SkippedDialog</name>
    <message>
        <source>Files that could not be used</source>
        <translation>Files that could not be used</translation>
    </message>
    <message>
        <source>Files that could not be used, with the reason</source>
        <translation>Files that could not be used, with the reason</translation>
    </message>
    <message>
        <source>Columns; choose one to sort by it</source>
        <translation>Columns; choose one to sort by it</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>Try again</translation>
    </message>
    <message>
        <source>Copy the list</source>
        <translation>Copy the list</translation>
    </message>
    <message>
        <source>The files themselves are untouched. Everything else was indexed.</source>
        <translation>The files themselves are untouched. Everything else was indexed.</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Close</translation>
    </message>
    <message>
        <source>No file was skipped</source>
        <translation>No file was skipped</translation>
    </message>
</context>
<context>
    <name>StartedStep</name>
    <message>
        <source>Search at once: photos are found as soon as they are indexed.</source>
        <translation>Search at once: photos are found as soon as they are indexed.</translation>
    </message>
    <message>
        <source>The status bar below shows progress; pause or stop there at any time.</source>
        <translation>The status bar below shows progress; pause or stop there at any time.</translation>
    </message>
    <message>
        <source>Closing the window is fine: it goes on from there next time.</source>
        <translation>Closing the window is fine: it goes on from there next time.</translation>
    </message>
    <message>
        <source>{0} are being indexed in the background.</source>
        <translation>{0} are being indexed in the background.</translation>
    </message>
</context>
<context>
    <name>StatusBar</name>
    <message>
        <source>Background job</source>
        <translation>Background job</translation>
    </message>
    <message>
        <source>Progress of the background job</source>
        <translation>Progress of the background job</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pause</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Stop</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>Show</translation>
    </message>
    <message>
        <source>Show the files that could not be used</source>
        <translation>Show the files that could not be used</translation>
    </message>
    <message>
        <source>Why?</source>
        <translation>Why?</translation>
    </message>
    <message>
        <source>Why this device?</source>
        <translation>Why this device?</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Resume</translation>
    </message>
    <message>
        <source> the background job</source>
        <translation> the background job</translation>
    </message>
    <message>
        <source>Stop the background job</source>
        <translation>Stop the background job</translation>
    </message>
    <message>
        <source>opening the library</source>
        <translation>opening the library</translation>
    </message>
    <message>
        <source>{0} ready to search</source>
        <translation>{0} ready to search</translation>
    </message>
    <message>
        <source>{0} skipped</source>
        <translation>{0} skipped</translation>
    </message>
</context>
<context>
    <name>TopBar</name>
    <message>
        <source>Show or hide the side panel</source>
        <translation>Show or hide the side panel</translation>
    </message>
    <message>
        <source>Back to the search before</source>
        <translation>Back to the search before</translation>
    </message>
    <message>
        <source>Forward</source>
        <translation>Forward</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Settings</translation>
    </message>
    <message>
        <source>Help</source>
        <translation>Help</translation>
    </message>
    <message>
        <source>Drop, paste or choose a photo</source>
        <translation>Drop, paste or choose a photo</translation>
    </message>
    <message>
        <source>Choose a photo to search with</source>
        <translation>Choose a photo to search with</translation>
    </message>
    <message>
        <source>You may also drop a photo anywhere or paste one</source>
        <translation>You may also drop a photo anywhere or paste one</translation>
    </message>
    <message>
        <source>Choose a photo to search with (Ctrl+O); drop or paste one anywhere</source>
        <translation>Choose a photo to search with (Ctrl+O); drop or paste one anywhere</translation>
    </message>
</context>
<context>
    <name>WizardPage</name>
    <message>
        <source>Back</source>
        <translation>Back</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>Next</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Cancel</translation>
    </message>
    <message>
        <source>Add photos, step {0} of {1}</source>
        <translation>Add photos, step {0} of {1}</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>Start</translation>
    </message>
    <message>
        <source>Show my photos</source>
        <translation>Show my photos</translation>
    </message>
    <message>
        <source>There are no photos here. Go back and choose other folders</source>
        <translation>There are no photos here. Go back and choose other folders</translation>
    </message>
</context>
<context>
    <name>dialog</name>
    <message>
        <source>Close</source>
        <translation>Close</translation>
    </message>
</context>
<context>
    <name>window</name>
    <message>
        <source>Choose a photo to search with</source>
        <translation>Choose a photo to search with</translation>
    </message>
    <message>
        <source>Search with what was copied</source>
        <translation>Search with what was copied</translation>
    </message>
    <message>
        <source>Library</source>
        <translation>Library</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>Search</translation>
    </message>
    <message>
        <source>Evidence</source>
        <translation>Evidence</translation>
    </message>
    <message>
        <source>Back to the search before</source>
        <translation>Back to the search before</translation>
    </message>
    <message>
        <source>Forward</source>
        <translation>Forward</translation>
    </message>
    <message>
        <source>Show or hide the side panel</source>
        <translation>Show or hide the side panel</translation>
    </message>
    <message>
        <source>Add a folder</source>
        <translation>Add a folder</translation>
    </message>
    <message>
        <source>Look for changes in all folders</source>
        <translation>Look for changes in all folders</translation>
    </message>
    <message>
        <source>Find duplicates</source>
        <translation>Find duplicates</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Settings</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>Keyboard shortcuts</translation>
    </message>
    <message>
        <source>Full screen</source>
        <translation>Full screen</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>Quit</translation>
    </message>
    <message>
        <source>Files that could not be used</source>
        <translation>Files that could not be used</translation>
    </message>
    <message>
        <source>About Indicium</source>
        <translation>About Indicium</translation>
    </message>
</context>
<context>
    <name>LabelActions</name>
    <message>
        <source>Rating</source>
        <translation>Rating</translation>
    </message>
    <message>
        <source>Tags…</source>
        <translation>Tags…</translation>
    </message>
    <message>
        <source>Write tags and rating to XMP sidecar…</source>
        <translation>Write tags and rating to XMP sidecar…</translation>
    </message>
    <message>
        <source>Write tags and ratings to {0} XMP sidecars…</source>
        <translation>Write tags and ratings to {0} XMP sidecars…</translation>
    </message>
    <message>
        <source>Write tags and ratings to these files?</source>
        <translation>Write tags and ratings to these files?</translation>
    </message>
    <message>
        <source>Write</source>
        <translation>Write</translation>
    </message>
</context>
<context>
    <name>TagsDialog</name>
    <message>
        <source>Tags of {0}</source>
        <translation>Tags of {0}</translation>
    </message>
    <message>
        <source>Add tags, separated by commas</source>
        <translation>Add tags, separated by commas</translation>
    </message>
    <message>
        <source>Tags; take the tick away to remove one</source>
        <translation>Tags; take the tick away to remove one</translation>
    </message>
    <message>
        <source>Tags are kept in the library; the photos stay as they are.</source>
        <translation>Tags are kept in the library; the photos stay as they are.</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>Save</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Cancel</translation>
    </message>
</context>
<context>
    <name>SavedSearchesBox</name>
    <message>
        <source>SAVED SEARCHES</source>
        <translation>SAVED SEARCHES</translation>
    </message>
    <message>
        <source>Save this search or filter</source>
        <translation>Save this search or filter</translation>
    </message>
    <message>
        <source>Saved searches; choose one to search again</source>
        <translation>Saved searches; choose one to search again</translation>
    </message>
    <message>
        <source>Save a search or a filter to find it here again.</source>
        <translation>Save a search or a filter to find it here again.</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>Search</translation>
    </message>
    <message>
        <source>Rename…</source>
        <translation>Rename…</translation>
    </message>
    <message>
        <source>Remove…</source>
        <translation>Remove…</translation>
    </message>
    <message>
        <source>Save this search</source>
        <translation>Save this search</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>Save</translation>
    </message>
    <message>
        <source>Rename the saved search</source>
        <translation>Rename the saved search</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>Rename</translation>
    </message>
    <message>
        <source>Remove the saved search “{0}”?</source>
        <translation>Remove the saved search “{0}”?</translation>
    </message>
    <message>
        <source>Only the question is removed; the photos stay as they are.</source>
        <translation>Only the question is removed; the photos stay as they are.</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Remove</translation>
    </message>
    <message>
        <source>Name (at most {0} characters)</source>
        <translation>Name (at most {0} characters)</translation>
    </message>
</context>
</TS>
