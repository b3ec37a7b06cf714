<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>AboutDialog</name>
    <message>
        <location filename="../../desktop_app/ui/views/about_dialog.py" line="30"/>
        <source>About Indicium</source>
        <translation>About Indicium</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/about_dialog.py" line="35"/>
        <source>Indicium</source>
        <translation>Indicium</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/about_dialog.py" line="36"/>
        <source>Model packs</source>
        <translation>Model packs</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/about_dialog.py" line="37"/>
        <source>Licences</source>
        <translation>Licences</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/about_dialog.py" line="49"/>
        <source>Finds photos by example and shows why they match.</source>
        <translation>Finds photos by example and shows why they match.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/about_dialog.py" line="52"/>
        <source>Photos are opened for reading only. Nothing is sent anywhere: the program never uses the network.</source>
        <translation>Photos are opened for reading only. Nothing is sent anywhere: the program never uses the network.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/about_dialog.py" line="58"/>
        <source>Log file: {0}</source>
        <translation>Log file: {0}</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/about_dialog.py" line="58"/>
        <source>none</source>
        <translation>none</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/about_dialog.py" line="63"/>
        <source>Copy details</source>
        <translation>Copy details</translation>
    </message>
</context>
<context>
    <name>Banner</name>
    <message>
        <location filename="../../desktop_app/ui/views/notice_bar.py" line="46"/>
        <source>Copy details</source>
        <translation>Copy details</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/notice_bar.py" line="48"/>
        <source>Dismiss this message</source>
        <translation>Dismiss this message</translation>
    </message>
</context>
<context>
    <name>ContentsStep</name>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/contents_step.py" line="43"/>
        <source>BY KIND</source>
        <translation>BY KIND</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/contents_step.py" line="44"/>
        <source>BY YEAR</source>
        <translation>BY YEAR</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/contents_step.py" line="45"/>
        <source>LEFT OUT</source>
        <translation>LEFT OUT</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/contents_step.py" line="74"/>
        <source>Looking through the folders…</source>
        <translation>Looking through the folders…</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/contents_step.py" line="75"/>
        <source>This only reads names and sizes; nothing is written.</source>
        <translation>This only reads names and sizes; nothing is written.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/contents_step.py" line="89"/>
        <source>Photos by kind</source>
        <translation>Photos by kind</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/contents_step.py" line="91"/>
        <source>Photos by year</source>
        <translation>Photos by year</translation>
    </message>
</context>
<context>
    <name>DeviceReasons</name>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="24"/>
        <source>Devices and the reason for each</source>
        <translation>Devices and the reason for each</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="29"/>
        <source>Computes on: {0}</source>
        <translation>Computes on: {0}</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="32"/>
        <source>Model pack: {0}</source>
        <translation>Model pack: {0}</translation>
    </message>
</context>
<context>
    <name>FilterRow</name>
    <message>
        <location filename="../../desktop_app/ui/views/filter_row.py" line="80"/>
        <source>Names, folders, tags …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/filter_row.py" line="81"/>
        <source>Only photos with these words in their name, folder, tags or data</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/filter_row.py" line="82"/>
        <source>Beginnings of words; &quot;words in a row&quot;; -word leaves photos out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/filter_row.py" line="86"/>
        <source>Clear the words</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/filter_row.py" line="94"/>
        <source>Clear filters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/filter_row.py" line="117"/>
        <source>Among {0} selected</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>FoldersStep</name>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/folders_step.py" line="31"/>
        <source>Drop folders here, or anywhere on the window</source>
        <translation>Drop folders here, or anywhere on the window</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/folders_step.py" line="33"/>
        <source>Choose a folder…</source>
        <translation>Choose a folder…</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/folders_step.py" line="39"/>
        <source>CHOSEN</source>
        <translation>CHOSEN</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/folders_step.py" line="40"/>
        <source>COMMON PLACES</source>
        <translation>COMMON PLACES</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/folders_step.py" line="63"/>
        <source>Choose a folder of photos</source>
        <translation>Choose a folder of photos</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/folders_step.py" line="73"/>
        <source>Take {0} off the list</source>
        <translation>Take {0} off the list</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/folders_step.py" line="83"/>
        <source>counting…</source>
        <translation>counting…</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/folders_step.py" line="84"/>
        <source>Add</source>
        <translation>Add</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/folders_step.py" line="85"/>
        <source>Add {0}</source>
        <translation>Add {0}</translation>
    </message>
</context>
<context>
    <name>HowStep</name>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/how_step.py" line="30"/>
        <source>Low priority: other programs come first</source>
        <translation>Low priority: other programs come first</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/how_step.py" line="68"/>
        <source>Trying it out for three seconds…</source>
        <translation>Trying it out for three seconds…</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/how_step.py" line="69"/>
        <source>A few of your photos show how fast this computer is.</source>
        <translation>A few of your photos show how fast this computer is.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/how_step.py" line="73"/>
        <source>This takes {0}</source>
        <translation>This takes {0}</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/how_step.py" line="75"/>
        <source>There is nothing to try it out with</source>
        <translation>There is nothing to try it out with</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/how_step.py" line="79"/>
        <source>Measured just now with {0} of your photos: {1}. You can search from the first minute on.</source>
        <translation>Measured just now with {0} of your photos: {1}. You can search from the first minute on.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/how_step.py" line="82"/>
        <source>Computes on: {0}</source>
        <translation>Computes on: {0}</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/how_step.py" line="83"/>
        <source>Model pack: {0}</source>
        <translation>Model pack: {0}</translation>
    </message>
</context>
<context>
    <name>KindButton</name>
    <message>
        <location filename="../../desktop_app/ui/views/filter_row.py" line="42"/>
        <source>everything</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/filter_row.py" line="43"/>
        <source>{0}: {1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/filter_row.py" line="64"/>
        <source>Any {0}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>LibraryPage</name>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="51"/>
        <source>Photos of the library</source>
        <translation>Photos of the library</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="56"/>
        <source>Sort photos by</source>
        <translation>Sort photos by</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="60"/>
        <source>Reverse the order</source>
        <translation>Reverse the order</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="64"/>
        <source>Size of pictures</source>
        <translation>Size of pictures</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="65"/>
        <source>Size of pictures (Ctrl+plus, Ctrl+minus)</source>
        <translation>Size of pictures (Ctrl+plus, Ctrl+minus)</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="70"/>
        <source>Size</source>
        <translation>Size</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="72"/>
        <source>Sort by</source>
        <translation>Sort by</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="110"/>
        <source>Find photos like this one</source>
        <translation>Find photos like this one</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="111"/>
        <source>Look at the photo large</source>
        <translation>Look at the photo large</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="112"/>
        <source>Larger pictures</source>
        <translation>Larger pictures</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="113"/>
        <source>Smaller pictures</source>
        <translation>Smaller pictures</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="131"/>
        <source>Newest first</source>
        <translation>Newest first</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="131"/>
        <source>Oldest first</source>
        <translation>Oldest first</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="132"/>
        <source>Z to A</source>
        <translation>Z to A</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="132"/>
        <source>A to Z</source>
        <translation>A to Z</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="143"/>
        <location filename="../../desktop_app/ui/views/library_page.py" line="144"/>
        <source>{0}. Reverse the order</source>
        <translation>{0}. Reverse the order</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="148"/>
        <source>{0} of {1} photos</source>
        <translation>{0} of {1} photos</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="159"/>
        <source>No library is open</source>
        <translation>No library is open</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="160"/>
        <source>A library remembers which folders you added and what is in their photos.</source>
        <translation>A library remembers which folders you added and what is in their photos.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="161"/>
        <source>Open a library</source>
        <translation>Open a library</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="164"/>
        <source>Opening your photos</source>
        <translation>Opening your photos</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="168"/>
        <source>Your photos will be here</source>
        <translation>Your photos will be here</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="170"/>
        <source>Add a folder, or drop one anywhere on this window. Photos are only read; nothing is ever moved, changed or sent anywhere.</source>
        <translation>Add a folder, or drop one anywhere on this window. Photos are only read; nothing is ever moved, changed or sent anywhere.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="175"/>
        <source>Add a folder of photos</source>
        <translation>Add a folder of photos</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="185"/>
        <source>The first photos appear in a moment</source>
        <translation>The first photos appear in a moment</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="186"/>
        <source>You can look around and search while the rest is indexed.</source>
        <translation>You can look around and search while the rest is indexed.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="191"/>
        <source>No photo fits these filters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="192"/>
        <source>Take one of them back in the row above, or all of them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="194"/>
        <source>Clear filters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="200"/>
        <source>No photos in this folder</source>
        <translation>No photos in this folder</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="201"/>
        <source>The folders you chose on the left hold no photos that can be shown.</source>
        <translation>The folders you chose on the left hold no photos that can be shown.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="202"/>
        <source>Show all folders</source>
        <translation>Show all folders</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="207"/>
        <source>No photos were found</source>
        <translation>No photos were found</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="208"/>
        <source>The folders of this library hold no photos that can be used.</source>
        <translation>The folders of this library hold no photos that can be used.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="211"/>
        <source>Add another folder</source>
        <translation>Add another folder</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/library_page.py" line="213"/>
        <source>Look again</source>
        <translation>Look again</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <location filename="../../desktop_app/ui/views/main_window.py" line="203"/>
        <source>Choose a photo to search with</source>
        <translation>Choose a photo to search with</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/main_window.py" line="226"/>
        <source>dropped picture</source>
        <translation>dropped picture</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/main_window.py" line="252"/>
        <source>Everywhere</source>
        <translation>Everywhere</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <location filename="../../desktop_app/ui/views/settings_dialog.py" line="31"/>
        <source>Settings</source>
        <translation>Settings</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/settings_dialog.py" line="72"/>
        <source> Takes effect at the next start.</source>
        <translation> Takes effect at the next start.</translation>
    </message>
</context>
<context>
    <name>ShortcutsDialog</name>
    <message>
        <location filename="../../desktop_app/ui/views/shortcuts_dialog.py" line="22"/>
        <location filename="../../desktop_app/ui/views/shortcuts_dialog.py" line="47"/>
        <source>Keyboard shortcuts</source>
        <translation>Keyboard shortcuts</translation>
    </message>
</context>
<context>
    <name>SidePanel</name>
    <message>
        <location filename="../../desktop_app/ui/views/side_panel.py" line="133"/>
        <source>Look for changes in all folders</source>
        <translation>Look for changes in all folders</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/side_panel.py" line="138"/>
        <source>Folders; select some to see only their photos</source>
        <translation>Folders; select some to see only their photos</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/side_panel.py" line="142"/>
        <source>Add a folder</source>
        <translation>Add a folder</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/side_panel.py" line="148"/>
        <source>LIBRARY</source>
        <translation>LIBRARY</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/side_panel.py" line="151"/>
        <source>FOLDERS</source>
        <translation>FOLDERS</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/side_panel.py" line="164"/>
        <source>Show only this folder</source>
        <translation>Show only this folder</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/side_panel.py" line="166"/>
        <source>Remove from library…</source>
        <translation>Remove from library…</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/side_panel.py" line="179"/>
        <source> (read only)</source>
        <translation> (read only)</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/side_panel.py" line="181"/>
        <source>Library: {0}. Switch, create or open another</source>
        <translation>Library: {0}. Switch, create or open another</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/side_panel.py" line="231"/>
        <source>New library…</source>
        <translation>New library…</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/side_panel.py" line="232"/>
        <source>Open library…</source>
        <translation>Open library…</translation>
    </message>
</context>
<context>
    <name>SkippedDialog</name>
    <message>
        <location filename="../../desktop_app/ui/views/skipped_dialog.py" line="20"/>
        <source>Files that could not be used</source>
        <translation>Files that could not be used</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/skipped_dialog.py" line="29"/>
        <source>Files that could not be used, with the reason</source>
        <translation>Files that could not be used, with the reason</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/skipped_dialog.py" line="36"/>
        <source>Columns; choose one to sort by it</source>
        <translation>Columns; choose one to sort by it</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/skipped_dialog.py" line="39"/>
        <source>Try again</source>
        <translation>Try again</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/skipped_dialog.py" line="40"/>
        <source>Copy the list</source>
        <translation>Copy the list</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/skipped_dialog.py" line="45"/>
        <source>The files themselves are untouched. Everything else was indexed.</source>
        <translation>The files themselves are untouched. Everything else was indexed.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/skipped_dialog.py" line="48"/>
        <source>Close</source>
        <translation>Close</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/skipped_dialog.py" line="61"/>
        <source>No file was skipped</source>
        <translation>No file was skipped</translation>
    </message>
</context>
<context>
    <name>StartedStep</name>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/started_step.py" line="25"/>
        <source>Search at once: photos are found as soon as they are indexed.</source>
        <translation>Search at once: photos are found as soon as they are indexed.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/started_step.py" line="26"/>
        <source>The status bar below shows progress; pause or stop there at any time.</source>
        <translation>The status bar below shows progress; pause or stop there at any time.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/started_step.py" line="27"/>
        <source>Closing the window is fine: it goes on from there next time.</source>
        <translation>Closing the window is fine: it goes on from there next time.</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/started_step.py" line="34"/>
        <source>{0} are being indexed in the background.</source>
        <translation>{0} are being indexed in the background.</translation>
    </message>
</context>
<context>
    <name>StatusBar</name>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="62"/>
        <source>Background job</source>
        <translation>Background job</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="66"/>
        <source>Progress of the background job</source>
        <translation>Progress of the background job</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="67"/>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="124"/>
        <source>Pause</source>
        <translation>Pause</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="68"/>
        <source>Stop</source>
        <translation>Stop</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="70"/>
        <source>Show</source>
        <translation>Show</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="71"/>
        <source>Show the files that could not be used</source>
        <translation>Show the files that could not be used</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="73"/>
        <source>Why?</source>
        <translation>Why?</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="74"/>
        <source>Why this device?</source>
        <translation>Why this device?</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="124"/>
        <source>Resume</source>
        <translation>Resume</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="126"/>
        <source> the background job</source>
        <translation> the background job</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="129"/>
        <source>Stop the background job</source>
        <translation>Stop the background job</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="134"/>
        <source>opening the library</source>
        <translation>opening the library</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="137"/>
        <source>{0} photos ready to search</source>
        <translation>{0} photos ready to search</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/status_bar.py" line="142"/>
        <source>{0} skipped</source>
        <translation>{0} skipped</translation>
    </message>
</context>
<context>
    <name>TopBar</name>
    <message>
        <location filename="../../desktop_app/ui/views/top_bar.py" line="41"/>
        <source>Show or hide the side panel</source>
        <translation>Show or hide the side panel</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/top_bar.py" line="51"/>
        <source>Back to the search before</source>
        <translation>Back to the search before</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/top_bar.py" line="53"/>
        <source>Forward</source>
        <translation>Forward</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/top_bar.py" line="60"/>
        <source>Settings</source>
        <translation>Settings</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/top_bar.py" line="61"/>
        <source>Help</source>
        <translation>Help</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/top_bar.py" line="99"/>
        <source>Drop, paste or choose a photo</source>
        <translation>Drop, paste or choose a photo</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/top_bar.py" line="100"/>
        <source>Choose a photo to search with</source>
        <translation>Choose a photo to search with</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/top_bar.py" line="101"/>
        <source>You may also drop a photo anywhere or paste one</source>
        <translation>You may also drop a photo anywhere or paste one</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/top_bar.py" line="102"/>
        <source>Choose a photo to search with (Ctrl+O); drop or paste one anywhere</source>
        <translation>Choose a photo to search with (Ctrl+O); drop or paste one anywhere</translation>
    </message>
</context>
<context>
    <name>WizardPage</name>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/page.py" line="38"/>
        <source>Back</source>
        <translation>Back</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/page.py" line="39"/>
        <location filename="../../desktop_app/ui/views/wizard/page.py" line="116"/>
        <source>Next</source>
        <translation>Next</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/page.py" line="40"/>
        <source>Cancel</source>
        <translation>Cancel</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/page.py" line="102"/>
        <source>Add photos, step {0} of {1}</source>
        <translation>Add photos, step {0} of {1}</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/page.py" line="116"/>
        <source>Start</source>
        <translation>Start</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/page.py" line="116"/>
        <source>Show my photos</source>
        <translation>Show my photos</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/wizard/page.py" line="128"/>
        <source>There are no photos here. Go back and choose other folders</source>
        <translation>There are no photos here. Go back and choose other folders</translation>
    </message>
</context>
<context>
    <name>dialog</name>
    <message>
        <location filename="../../desktop_app/ui/views/parts.py" line="113"/>
        <source>Close</source>
        <translation>Close</translation>
    </message>
</context>
<context>
    <name>window</name>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="22"/>
        <source>Choose a photo to search with</source>
        <translation>Choose a photo to search with</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="23"/>
        <source>Search with what was copied</source>
        <translation>Search with what was copied</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="24"/>
        <source>Library</source>
        <translation>Library</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="25"/>
        <source>Search</source>
        <translation>Search</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="26"/>
        <source>Evidence</source>
        <translation>Evidence</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="27"/>
        <source>Back to the search before</source>
        <translation>Back to the search before</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="28"/>
        <source>Forward</source>
        <translation>Forward</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="29"/>
        <source>Show or hide the side panel</source>
        <translation>Show or hide the side panel</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="30"/>
        <source>Add a folder</source>
        <translation>Add a folder</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="31"/>
        <source>Look for changes in all folders</source>
        <translation>Look for changes in all folders</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="32"/>
        <source>Settings</source>
        <translation>Settings</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="33"/>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="48"/>
        <source>Keyboard shortcuts</source>
        <translation>Keyboard shortcuts</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="34"/>
        <source>Full screen</source>
        <translation>Full screen</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="35"/>
        <source>Quit</source>
        <translation>Quit</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="49"/>
        <source>Files that could not be used</source>
        <translation>Files that could not be used</translation>
    </message>
    <message>
        <location filename="../../desktop_app/ui/views/window_keys.py" line="51"/>
        <source>About Indicium</source>
        <translation>About Indicium</translation>
    </message>
</context>
</TS>
